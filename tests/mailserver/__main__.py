"""``python -m tests.mailserver --port N --log FILE [--script FILE]``: prints its port, then serves.

Ends at SIGTERM. The script is read anew for each connection that finds it changed.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import ssl
from pathlib import Path

from tests.mailserver.dialogue import Offer
from tests.mailserver.record import Log
from tests.mailserver.script import Script
from tests.mailserver.server import Server

HERE = Path(__file__).parent
WORDS = "8BITMIME SMTPUTF8 ENHANCEDSTATUSCODES"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mailserver")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--script", type=Path)
    parser.add_argument("--trace", type=Path, help="where every fault is noted")
    parser.add_argument("--tls", choices=("none", "starttls", "implicit"), default="none")
    parser.add_argument("--certificate", choices=("good", "bad"), default="good")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--size", type=int, default=10_000_000)
    parser.add_argument("--words", default=WORDS, help="the extensions offered besides")
    asyncio.run(serve(parser.parse_args()))


async def serve(args: argparse.Namespace) -> None:
    bad = _context("bad")
    offer = Offer(
        args.tls,
        bad if args.certificate == "bad" else _context("good"),
        bad,
        args.user,
        args.password,
        args.size,
        tuple(args.words.split()),
    )
    if args.script:
        Script(args.script.read_text())  # a mistake in it is said now
    server = Server(offer, Log(args.log), args.script, args.trace, args.port)
    await server.listen()
    print(server.port, flush=True)
    over = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, over.set)
    await over.wait()
    await server.stop()


def _context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / f"{name}.pem")
    return context


if __name__ == "__main__":
    main()
