"""A house whose hospitals each owe sixty dates, with a calendar address for whom one likes.

What P5, P6 and the growth of the feeds measure with; the documents are as ``apply`` leaves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from notifications import tokens
from scheduler import applying, store
from scheduler.loading import Loaded, from_texts
from scheduler.world import World
from workflows.library import bundled_workdays

ZONE = ZoneInfo("Asia/Shanghai")
DOCUMENT = "feeds-2025"
NOW = datetime(2026, 3, 6, 9, 30, tzinfo=ZONE)
EVENTS = 60  # of each hospital, in the four years that a feed shows
DATES = [f"{month:02}-{day:02}" for month in range(1, 13) for day in (5, 10, 15, 20, 25)]


def workflow(events: int = EVENTS, title: str = "报送进展表") -> str:
    """Return a document by which each supporting hospital owes so many dates in four years."""
    dates = ", ".join(f"{{id: d{n}, on: '{day}'}}" for n, day in enumerate(DATES[: events // 4]))
    return f"""\
id: {DOCUMENT}
number: 某卫发〔2024〕60号
title: 结对帮扶通知
issuers: [sheng]
issued: 2024-12-31
validity: {{core_until: 2028-12-31, clause: 二, phrase: 到2028年底}}
roles:
  supporter: {{name: 支援医院, side: supporter}}
  recipient: {{name: 受援医院, side: recipient}}
  province: {{name: 省局, institution: sheng}}
obligations:
  - id: progress
    title: {title}
    kind: recurring
    clauses: [四]
    phrase: 每年各期报送
    per: institution
    responsible: supporter
    recipients: [province]
    submit: [{{by: post, what: 进展表, copies: 2, to: 省局医政处}}]
    rule: {{dates: [{dates}]}}
"""


def tables(hospitals: int) -> dict[str, str]:
    """Return the roster's tables: so many hospitals, all in aid of one."""
    institutions = [
        "id,name,kind,type,city,county,authority,direct,government,parent,aliases,canonical,"
        "inferred,note",
        "sheng,省局,authority,,,,,,,,,,,",
        "xiao,受援医院,hospital,,甲市,,sheng,,,,,,,",
    ]
    institutions += [f"da{n},支援{n}医院,hospital,,甲市,,sheng,,,,,,," for n in range(hospitals)]
    pairings = ["id,supporter,recipient,clause,needs,programme,from,until,note"]
    pairings += [f"p{n},da{n},xiao,附件第{n + 1}行,,,,," for n in range(hospitals)]
    return {
        "institutions.csv": "\n".join(institutions) + "\n",
        "pairings.csv": "\n".join(pairings) + "\n",
        "members.csv": "group,institution,programme,from,until,clause,inferred\n",
    }


def folders(root: Path, hospitals: int, events: int = EVENTS, title: str = "报送进展表") -> None:
    """Write the document and its roster as files, as somebody's own."""
    roster = root / "rosters" / DOCUMENT
    roster.mkdir(parents=True, exist_ok=True)
    (root / "workflows").mkdir(exist_ok=True)
    (root / "workflows" / f"{DOCUMENT}.yaml").write_text(workflow(events, title), encoding="utf-8")
    for name, text in tables(hospitals).items():
        (roster / name).write_text(text, encoding="utf-8")


def loaded(hospitals: int, events: int = EVENTS, title: str = "报送进展表") -> Loaded:
    """Return the document and its roster as the files would give them."""
    text, rows = workflow(events, title), tables(hospitals)
    document, roster = from_texts(text, rows)
    return Loaded(
        {DOCUMENT: document}, {DOCUMENT: roster}, bundled_workdays(), (), {DOCUMENT: (text, rows)}
    )


def world(files: Loaded) -> World:
    """Return what the engine needs to know."""
    return World(
        files.documents, files.rosters, files.workdays, base_url="https://duban.example",
        placeholders=True,
    )  # fmt: skip


def built(url: str, files: Loaded) -> Engine:
    """Return an empty store's engine after the document was adopted; nothing waits for the disk."""
    engine = store.connect(url, durable=False)
    store.migrate(engine)
    with store.writing(engine) as session:
        applying.adopt_bundled(session, files, NOW, world(files))
    return engine


def addresses(engine: Engine, owners: Sequence[str]) -> list[str]:
    """Return the secret of a new address for each of these owners."""
    with store.writing(engine) as session:
        return [tokens.create(session, one, "测", NOW)[1] for one in owners]
