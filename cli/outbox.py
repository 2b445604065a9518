"""``duban outbox``: which mails were sent, which wait, which were not sent, why, and what to do."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.context import Context

HELP = "查看发件箱：已交出、等待、未发的邮件和原因；再发、确认、登记退回、放行"
STATES = (
    "planned", "ready", "sending", "handing", "in_doubt", "held",
    "sent", "failed", "bounced", "expired", "cancelled", "unsent",
)  # fmt: skip
ACTIONS = ("retry", "arrived", "bounced", "release")
SHOWN = 50
WHO = "命令行"


def number(text: str) -> int:
    """Return the number of a mail."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"编号是 duban outbox 第一列的数字，不能是“{text}”")
    return int(text)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=ACTIONS,
        help="再发一次、确认已送到、登记被退回、放行扣住的；不写就是查看",
    )  # fmt: skip
    parser.add_argument("id", nargs="*", type=number, metavar="ID",
                        help="邮件编号，可写几个（release 不写）")
    parser.add_argument("--all-in-doubt", action="store_true",
                        help="不写编号，用于全部不确定的（retry、arrived）")
    parser.add_argument("--state", choices=STATES, help="只列这一状态的")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="输出格式")


def run(args: argparse.Namespace) -> int:
    from cli.context import opened
    from cli.failure import Failure

    context = opened()
    if args.action is None:
        if args.all_in_doubt:
            raise Failure("没有写办什么", "写作 duban outbox retry --all-in-doubt，或 arrived")
        return _list(context, args.state, args.format == "json")
    if args.state is not None or args.format != "table":
        raise Failure("--state 和 --format 只用于查看", f"写作 duban outbox {args.action} 编号")
    if args.action == "release":
        if args.id or args.all_in_doubt:
            raise Failure("release 一次放行全部扣住的邮件，不写编号", "写作 duban outbox release")
        return _release(context)
    if args.all_in_doubt and (args.id or args.action == "bounced"):
        raise Failure(
            "--all-in-doubt 只用于 retry 和 arrived，不写编号",
            f"写作 duban outbox {args.action} 编号；退回的要逐封登记",
        )
    if not (args.id or args.all_in_doubt):
        raise Failure("没有写哪一封", f"写作 duban outbox {args.action} 编号，编号见 duban outbox")
    return _decide(context, args.action, args.id)


def _decide(context: Context, action: str, chosen: list[int]) -> int:
    """Decide the same of the chosen mails, of all in doubt where none is chosen."""
    from cli.address import present
    from cli.failure import Failure
    from cli.world import base_world
    from notifications import deciding
    from scheduler.proposing import applied_world
    from scheduler.store import writing

    base = base_world(context)
    with writing(context.engine()) as session:
        now = present(session, context)
        # What is repeated by itself waits for nobody, but need not go where it arrived.
        numbers = chosen or deciding.in_doubt(session, waiting=action == "retry")
        world = applied_world(session, base) if action == "bounced" else base

        def decide(one: int) -> str:
            if action == "retry":
                at = deciding.retry(session, one, now, base, WHO).astimezone(base.timezone)
                when = "下一轮就发" if at <= now else f"{at:%Y-%m-%d %H:%M} 以后发"
                return f"会原样再交一次，{when}"
            if action == "arrived":
                deciding.arrived(session, one, now, WHO)
                return "记为已送到，不再发"
            found = deciding.bounced(session, one, now, world, WHO)
            passed = f"其中 {found} 条提醒改送下一位联系人" if found else "没有下一位联系人可送"
            return f"记为被退回，{passed}；请改正联系人表"

        done, refused = deciding.each(numbers, decide)
    if not numbers:
        raise Failure("没有等着决定的不确定邮件", "看 duban outbox --state in_doubt")
    for said in dict.fromkeys(done.values()):
        print(f"第 {'、'.join(str(one) for one in done if done[one] == said)} 号邮件{said}")
    if len(numbers) == 1 and refused:
        (only,) = refused.values()
        raise Failure(only.message, only.hint)
    if refused:
        listed = "；".join(f"第 {one} 号：{why.message}" for one, why in refused.items())
        raise Failure(f"{len(refused)} 封没有办。{listed}", "其余的已办" if done else "")
    return 0


def _release(context: Context) -> int:
    from cli.address import present
    from cli.failure import Failure
    from cli.world import base_world
    from notifications import elsewhere, fuse
    from scheduler.store import writing

    base = base_world(context)
    engine = context.engine()
    here = elsewhere.place(engine, context.settings.data)
    with writing(engine) as session:
        now = present(session, context)
        copied = elsewhere.current(session)
        if copied:
            elsewhere.confirm(session, here, now, WHO)
            print("已确认由这里发信，邮件照常发出。")
        if fuse.current(session) is None:
            if copied:
                return 0
            raise Failure("现在没有扣住邮件", "普通提醒照常在发")
        released = fuse.release(session, now, base, WHO)
    print(f"已放行 {released} 封：到发送时段逐条重新核对，办结了的不发，其余每人并成一封。")
    return 0


def _list(context: Context, state: str | None, as_json: bool) -> int:
    from cli.output import print_json
    from notifications import elsewhere, fuse, pause
    from notifications.listing import as_json as plain
    from notifications.listing import listed
    from scheduler.store import reading

    zone = context.settings.timezone
    with reading(context.engine()) as session:
        rows = listed(session, state)
        names = _names(session)
        stopped, held = pause.current(session), fuse.current(session)
        copied = elsewhere.current(session)
    if copied:
        print(f"■ {copied}。{elsewhere.CURE}。", file=sys.stderr)
    for row in rows:
        to = row["to"]
        to["institution_id"] = to["institution"]
        to["institution"] = names.get(to["institution_id"], to["institution_id"])
    if stopped:
        since = stopped.since.astimezone(zone)
        print(
            f"■ 发信已暂停（{since:%Y-%m-%d %H:%M} 起）：{stopped.reason}。"
            f"下次试发 {stopped.until.astimezone(zone):%m-%d %H:%M}；设置改好后会自动恢复。",
            file=sys.stderr,
        )
    if held:
        since = held.since.astimezone(zone)
        print(
            f"■ 普通提醒已扣住（{since:%Y-%m-%d %H:%M} 起）：{held.reason}。"
            "看过没有问题，用 duban outbox release 放行。",
            file=sys.stderr,
        )
    if as_json:
        print_json([plain(row, zone) for row in rows])
    else:
        _table(rows, zone)
    return 0


def _names(session: Any) -> dict[str, str]:
    """Return the institutions' printed names by id, from the applied rosters."""
    import json

    from config.tables import roster_from_texts
    from scheduler import queries

    names: dict[str, str] = {}
    for version in queries.versions(session).values():
        roster, _ = roster_from_texts(version.document, json.loads(version.roster))
        if roster is not None:
            names.update((one.id, one.name) for one in roster.institutions.values())
    return names


def _table(rows: list[dict[str, Any]], zone: Any) -> None:
    from collections import Counter

    from cli.output import print_table
    from notifications.listing import STATES as WORDS

    if not rows:
        print("发件箱里没有邮件。到了提醒的日子，邮件会列在这里。")
        return
    print("、".join(f"{WORDS[s]} {n}" for s, n in Counter(row["state"] for row in rows).items()))
    print_table(
        ["编号", "状态", "时间", "收件人", "主题或事项", "说明"],
        [_line(row, zone, WORDS[row["state"]]) for row in rows[-SHOWN:]],
    )
    if len(rows) > SHOWN:
        print(f"只列出最近 {SHOWN} 条，共 {len(rows)} 条；全部见 --format json")
    doubtful = [row["id"] for row in rows if _waits_for_the_admin(row)]
    if doubtful:
        shown = "、".join(map(str, doubtful[:SHOWN]))
        print(
            f"\n▲ 不能确定邮件服务器是否收下：{shown}。先问对方收到没有：\n"
            f"  收到了    duban outbox arrived {doubtful[0]}\n"
            f"  没有收到  duban outbox retry {doubtful[0]}   （原样再交一次，对方可能收到两封）\n"
            f"  被退回    duban outbox bounced {doubtful[0]} （改送下一位联系人）"
        )
    if len(doubtful) > 1:
        print("  几封写几个编号；查过邮件服务器的日志，全部一样的，编号换成 --all-in-doubt")


def _waits_for_the_admin(row: dict[str, Any]) -> bool:
    return row["state"] == "in_doubt" and row["next_try_at"] is None


def _line(row: dict[str, Any], zone: Any, state: str) -> list[str]:
    first = row["items"][0] if row["items"] else {"key": "", "rung": ""}
    said = [row["reason"] or "", row["reply"] or ""]
    if row["next_try_at"] and row["state"] in ("planned", "ready", "in_doubt"):
        said.append(f"{row['next_try_at'].astimezone(zone):%m-%d %H:%M} 再办")
    return [
        str(row["id"] or "—"),
        state,
        f"{row['at'].astimezone(zone):%Y-%m-%d %H:%M}",
        row["to"]["address"] or "无人可送",
        row["subject"] or f"{first['key']} {first['rung']}",
        "；".join(part for part in said if part),
    ]
