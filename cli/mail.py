"""``duban mail test``: one mail by the way that all mail takes, and what the server said."""

from __future__ import annotations

import argparse

HELP = "试发一封邮件：duban mail test 邮箱"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("test",), help="试发")
    parser.add_argument("address", metavar="ADDRESS", help="收件邮箱")


def run(args: argparse.Namespace) -> int:
    import asyncio

    from cli.context import opened
    from cli.demo_folder import guard
    from cli.failure import Failure
    from cli.world import base_world
    from notifications.choosing import transport
    from notifications.compose import note
    from notifications.transport import DeliveryError, Envelope, InDoubt, checked_recipient

    context = opened()
    guard(context.settings)
    world = base_world(context)
    way = transport(context.settings)
    try:
        checked_recipient(args.address)
    except DeliveryError as error:
        raise Failure(error.reply, "写一个邮箱，如 zhangwu@example.gov.cn") from None
    mail = note(
        world,
        args.address,
        "[督办] 试发邮件",
        ["收到这封邮件，说明本服务能把邮件送到这个邮箱。", "由管理员试发，不需要回复。"],
        context.now(),
    )

    async def always() -> bool:
        return True

    async def once() -> str:
        async with way.open() as carrier:
            return await carrier.hand(Envelope(mail.message_id, args.address, mail.body), always)

    try:
        reply = asyncio.run(once())
    except InDoubt as error:
        raise Failure(error.reply, "可能已收下，请到收件箱看看再试") from None
    except DeliveryError as error:
        raise Failure(error.reply, f"现在的去处是{way.describe()}；核对 DUBAN_SMTP_*") from None
    print(f"已交出：{way.describe()}，答复 {reply}")
    return 0
