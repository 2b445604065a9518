"""The matrix as offices keep it: a 台账, one line for each report, as an Excel workbook."""

from __future__ import annotations

import io
from datetime import date

from openpyxl import Workbook
from openpyxl.cell import Cell as Place
from openpyxl.cell import MergedCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from scheduler.matrix import Cell, Matrix

HEAD = (
    "序号", "报送单位", "事项", "依据", "期限", "最后工作日", "状态", "报送日期", "延期至", "备注",
)  # fmt: skip
WIDTHS = (6, 28, 36, 30, 12, 12, 14, 12, 12, 40)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CELL_LIMIT = 32_767  # characters that a cell of Excel holds


def lines(matrix: Matrix) -> list[tuple[str, ...]]:
    """Return the rows below the head, in the order of institutions and dates; dates as texts."""
    found = [(row.institution, cell) for row in matrix.rows for cell in row.cells]
    return [
        (
            str(number),
            name,
            cell.title + (f"（{cell.about}）" if cell.about else ""),
            cell.source,
            cell.due.isoformat(),
            _day(cell.last_working_day),
            cell.status,
            _day(cell.reported_on),
            _day(cell.extended_to),
            _note(cell),
        )
        for number, (name, cell) in enumerate(found, 1)
    ]


def workbook(matrix: Matrix) -> bytes:
    """Return the bytes of a workbook with one sheet: a frozen head, every cell a text.

    What a spreadsheet program would take for a formula is kept from being one by an apostrophe.
    """
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "台账"
    for number, row in enumerate((HEAD, *lines(matrix)), 1):
        for column, text in enumerate(row, 1):
            _write(sheet.cell(number, column), text, head=number == 1)
    for column, width in enumerate(WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(HEAD))}{max(len(lines(matrix)), 1) + 1}"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    book.properties.creator = "duban"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write(place: Place | MergedCell, text: str, head: bool) -> None:
    clean = "".join(c for c in text if c >= " " or c in "\n\t")[:CELL_LIMIT]
    place.value = f"'{clean}" if clean.startswith(FORMULA) else clean
    place.data_type = "s"
    place.number_format = "@"
    place.font = Font(bold=head)
    place.alignment = Alignment(wrap_text=True, vertical="top")


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _note(cell: Cell) -> str:
    # The date says which period it is, but where what is due is about another year.
    year = cell.period[:4]
    other = f"{year}年度" if year.isdigit() and year != str(cell.due.year) else ""
    return "；".join(part for part in (cell.note, other) if part)
