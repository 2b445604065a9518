"""A draft of a scoring sheet as an Excel workbook, to be checked, filled in and signed."""

from __future__ import annotations

from io import BytesIO

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from web.sheet_view import DRAFT, SheetPage, points, verdict

COLUMNS = ("部分", "考核指标", "评分细则", "分值", "本系统的数据", "缺什么", "试算得分", "依据", "自评分")
_WIDTHS = (10, 24, 24, 6, 24, 24, 10, 22, 8)
_THIN = Side(style="thin", color="999999")


def as_book(page: SheetPage) -> bytes:
    """Return a draft as an Excel workbook: text cells, a frozen header, A4 across."""
    book = Workbook()
    table: Worksheet = book.active  # type: ignore[assignment]
    table.title = f"自评表{page.year}"
    _write(table, 1, (f"{page.scored.sheet.title}（{page.year}年）  {DRAFT}",), bold=True)
    who = f"支援医院：{page.supporter[1]}    受援医院：{page.recipient[1]}    {page.span}"
    _write(table, 2, (who,))
    _write(table, 3, COLUMNS, bold=True, lined=True)
    row = 4
    for line in page.scored.lines:
        cells = (
            line.part, line.criterion, line.rule, points(line.possible), line.figure,
            "；".join(line.missing), points(line.points), line.basis, "",
        )  # fmt: skip
        _write(table, row, cells, lined=True)
        row += 1
    for one in page.scored.sheet.bonus:
        levels = "，".join(f"{level.name}加{points(level.points)}分" for level in one.levels)
        cells = ("加分项", one.title, levels, f"+{points(one.most)}", "", "", "人工", "看证明材料", "")
        _write(table, row, cells, lined=True)
        row += 1
    for view in page.scored.vetoes:
        cells = (
            "一票否决项", view.veto.title, f"以{view.veto.proof}为依据", "", "；".join(view.signs),
            "", "人工", "本系统看到的迹象，不是结论" if view.signs else "本系统没有看到迹象", "",
        )  # fmt: skip
        _write(table, row, cells, lined=True)
        row += 1
    _write(table, row, (verdict(page.scored),), bold=True)
    _write(table, row + 2, ("自评单位（盖章）：            负责人（签字）：            年   月   日",))
    for column, width in zip("ABCDEFGHI", _WIDTHS, strict=True):
        table.column_dimensions[column].width = width
    for number_ in (1, 2, row, row + 2):
        table.merge_cells(start_row=number_, end_row=number_, start_column=1, end_column=9)
        table.row_dimensions[number_].height = 32 if number_ == row else 20
    _paper(table)
    raw = BytesIO()
    book.save(raw)
    return raw.getvalue()


def _write(
    table: Worksheet, row: int, cells: tuple[str, ...], *, bold: bool = False, lined: bool = False
) -> None:
    for column, text in enumerate(cells, 1):
        cell = table.cell(row, column)
        cell.value = text
        cell.data_type = "s"  # never a formula, whatever it begins with
        cell.number_format = "@"
        cell.font = Font(bold=bold, size=10)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        if lined:
            cell.border = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)


def _paper(table: Worksheet) -> None:
    table.freeze_panes = "A4"
    table.print_title_rows = "3:3"
    table.page_setup.orientation = "landscape"
    table.page_setup.paperSize = 9  # A4
    table.page_setup.fitToWidth, table.page_setup.fitToHeight = 1, 0
    table.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    table.page_margins.left = table.page_margins.right = 0.4  # inches
