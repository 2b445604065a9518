"""``duban doctor``: how the house is set, and what wants a look."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from cli.context import Context

HELP = "体检：设置及其来源、文件差异、联系人、发件箱"
SHOWN = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.output import print_json

    context = opened()
    settings = [
        {"name": name, "value": value, "source": source}
        for name, value, source in context.settings.shown()
    ]
    problems = [str(problem) for problem in context.problems]
    errors = sum(problem.severity == "error" for problem in context.problems)
    store = {} if context.settings.errors else _store(context)
    if args.format == "json":
        print_json({"settings": settings, "problems": problems, **store})
    else:
        _print(settings, problems, store)
    return 1 if errors or store.get("fault") else 0


def _store(context: Context) -> dict[str, object]:
    """Return what the store says; ``fault`` where it cannot be opened."""
    from pathlib import Path

    from sqlalchemy import make_url

    from scheduler.faults import fault

    url = make_url(context.settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return {"store": "还没有数据库；第一次运行 duban serve 时建立"}
    try:
        return dict(_looked_at(context, context.engine()))
    except Exception as error:
        known = fault(error)
        if known is None:
            raise
        return {"fault": f"{known.said}（{known.hint}）"}


def _looked_at(context: Context, engine: Engine) -> Iterator[tuple[str, object]]:
    from datetime import timedelta

    from notifications import elsewhere, feed_scopes, feeds, fuse, pause, proof, tokens
    from notifications.choosing import transport
    from notifications.listing import STATES
    from scheduler import queries
    from scheduler.proposing import applied_texts, differing
    from scheduler.store import reading
    from scheduler.world import World
    from web import queries as pages

    today = context.today()
    with reading(engine) as session:
        applied = list(applied_texts(session))
        differs = differing(session, context.loaded) if applied else ()
        debtors = pages.debtors(session, today, today + timedelta(days=365))
        counts = pages.message_counts(session)
        pending = pages.pending(session)
        stopped, held = pause.current(session), fuse.current(session)
        copied = elsewhere.current(session)
        proved = proof.last(session)
        ticked = queries.mark(session, "tick")
        addresses = sum(row.revoked_at is None for row in tokens.listed(session))
        faults = feeds.faults(session)
        tracked = pages.tracked(session)
    names = {i.id: i.name for _, roster in context.held() for i in roster.institutions.values()}
    yield "store", "数据库可用"
    yield "applied", applied
    yield "differing", list(differs)
    yield "tracked", tracked
    yield "last_round", ticked
    yield "mail", transport(context.settings).describe()
    yield "paused", copied or (stopped.reason if stopped else None)
    yield "held", held.reason if held else None
    yield "proof", proved._asdict() | {"at": proved.at.isoformat()} if proved else None
    yield "outbox", {"planned": pending} | {state: counts[state] for state in counts}
    yield "outbox_words", {STATES[state]: count for state, count in counts.items()}
    yield "feed_addresses", addresses
    loaded = context.loaded
    known = World(loaded.documents, loaded.rosters, loaded.workdays)
    yield "feed_faults", {feed_scopes.owner(one, known).name: fault for one, fault in faults.items()}
    yield "without_liaison", [
        names.get(one, one)
        for one in debtors
        if not context.contacts.holders(one, "liaison", today)
    ]


def _print(
    settings: list[dict[str, str]], problems: list[str], store: dict[str, object]
) -> None:
    from cli.output import print_table

    print("设置")
    print_table(
        ["  名称", "值", "来源"],
        [[f"  {one['name']}", one["value"] or "（未设）", one["source"]] for one in settings],
    )
    print("\n数据")
    for line in _lines(store):
        print(f"  {line}")
    print("\n文件、名册、联系人、设置中的问题")
    for problem in problems or ["没有"]:
        print(f"  {problem}")


def _lines(store: dict[str, object]) -> Iterator[str]:
    if fault := store.get("fault"):
        yield f"■ {fault}"
        return
    yield str(store["store"]) if "store" in store else "没有打开数据库：先改正设置"
    if "applied" not in store:
        return
    applied, differs, missing, faults = (
        store[name] for name in ("applied", "differing", "without_liaison", "feed_faults")
    )
    assert isinstance(applied, list)
    assert isinstance(differs, list)
    assert isinstance(missing, list)
    assert isinstance(faults, dict)
    yield f"已应用 {len(applied)} 份文件：{'、'.join(applied) or '无'}"
    if differs:
        yield f"▲ 文件与已应用的不同：{'、'.join(differs)}；用 duban plan 看会改动什么"
    yield f"跟踪 {store['tracked']} 个期限；上次巡查 {store['last_round'] or '还没有'}"
    yield str(store["mail"])
    if store["paused"]:
        yield f"■ 发信已暂停：{store['paused']}"
    if store["held"]:
        yield f"■ 普通提醒已扣住：{store['held']}；看过没有问题，用 duban outbox release 放行"
    yield from _proved(store["proof"])
    words = store["outbox_words"]
    assert isinstance(words, dict)
    said = "、".join(f"{word} {count}" for word, count in words.items())
    yield f"发件箱：{said or '还没有邮件'}"
    yield f"在用的订阅地址 {store['feed_addresses']} 个"
    for name, fault in faults.items():
        yield f"■ {name}的日历生成有误：{fault}"
    if missing:
        more = f" 等 {len(missing)} 家" if len(missing) > SHOWN else f"，共 {len(missing)} 家"
        yield f"▲ 一年内有事项要办而没有登记联络员：{'、'.join(missing[:SHOWN])}{more}"


def _proved(proof: object) -> Iterator[str]:
    from datetime import datetime

    if not isinstance(proof, dict):
        return
    at = datetime.fromisoformat(proof["at"])
    head = f"{at:%m-%d %H:%M} 核对 {proof['notices']} 条提醒、{proof['messages']} 封邮件"
    yield f"■ {head}，{len(proof['wrong'])} 处有误：" if proof["wrong"] else f"{head}，各在唯一的状态里"
    yield from (f"  {fault}" for fault in proof["wrong"])
