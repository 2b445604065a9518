"""P7: composing a mail, and sending what was composed.

Composing: from a letter (occurrences and what was done about them) to the bytes, against the same
two Jinja2 templates laid out with values that are there already, and made into a mail by the
``email`` package's classic classes. Seconds of CPU.

Sending: notices that wait are gathered into mails, composed, stored, claimed, fenced, journaled,
handed over on eight connections and their receipts stored, on a durable SQLite store; against
aiosmtplib handing the same bytes, ready made, to the same smtp-sink (of the Debian package postfix)
on eight connections, without any store. Seconds by the clock. A second figure leaves out what the
disk costs (a store and a journal that wait for nothing). smtp-source, Postfix's own, is printed.

Connections: the same delivery on eight and on one, at the tests' mail server, told to take 50 ms
for each mail. Seconds by the clock.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, parseaddr
from functools import partial
from pathlib import Path

from aiosmtplib import SMTP
from sqlalchemy import Engine, delete, select, update
from sqlmodel import Session

from benchmarks.rounds import compare, growth, record, seconds, wall_seconds
from benchmarks.stored import filled, world
from notifications import compose as composing
from notifications.compose import Letter, compose
from notifications.desk import Desk
from notifications.gather import gather
from notifications.items import Entry
from notifications.journal import Journal
from notifications.outbox import deliver
from notifications.smtp import Relay
from scheduler.occurrences import occurrences
from scheduler.queries import MESSAGES, NOTICES
from scheduler.tick import tick
from scheduler.world import World
from tests.delivery.town import BEGINS, DOCUMENT, DUE
from tests.mailserver.running import running
from tests.notifications.servers import free_port

LETTERS, MAILS, FEW = 100, 500, 64
SENDER = "duban@x.example"
LEASE = timedelta(minutes=15)


def letters(of: World, count: int) -> list[Letter]:
    """Return a letter with one item to each of so many hospitals."""
    found = occurrences(of.documents[DOCUMENT], of.rosters[DOCUMENT], of.workdays, DUE, DUE)
    return [
        Letter(
            f"l@{one.responsible.id}.example", "liaison", BEGINS.date(), 0,
            one.responsible.id or "", "医务科", (Entry(n, one, "before-14d", DUE, True),),
        )
        for n, one in enumerate(found[:count])
    ]  # fmt: skip


def classic(of: World, letter: Letter) -> Callable[[], bytes]:
    """Return the work of making the same mail with the classes that everybody uses."""
    made = compose(letter, of, BEGINS)
    name = composing.institution_name(letter.institution, of)
    values = composing._values(letter, of, name)
    templates = composing._templates()

    def run() -> bytes:
        mail = MIMEMultipart("alternative")
        sender, address = parseaddr(of.mail_from)
        mail["From"] = formataddr((str(Header(sender, "utf-8")), address))
        mail["To"] = formataddr((str(Header(name + "医务科", "utf-8")), letter.recipient))
        mail["Subject"] = Header(made.subject, "utf-8").encode()
        mail["Date"] = format_datetime(BEGINS)
        mail["Message-ID"] = made.message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail["List-Unsubscribe"] = f"<{of.base_url}/notifications>"
        for kind, template in (("plain", "digest.txt"), ("html", "digest.html")):
            text = templates.get_template(template).render(values)
            mail.attach(MIMEText(text, kind, "utf-8"))
        return mail.as_bytes()

    return run


def compare_composing(of: World) -> None:
    some = letters(of, LETTERS)
    base = [classic(of, letter) for letter in some]

    def ours() -> None:
        for letter in some:
            compose(letter, of, BEGINS)

    def theirs() -> None:
        for work in base:
            work()

    ratio = compare(partial(seconds, theirs), {"ours": partial(seconds, ours)})["ours"]
    record("P7 composing a mail / classic MIME and Jinja2", ratio, "jinja2")

    def repeated(times: int) -> Callable[[], object]:
        return lambda: [compose(one, of, BEGINS) for one in some[:10] for _ in range(times)]

    growth("P7 composing, ten mails:", repeated)


@contextmanager
def sink() -> Iterator[int]:
    """Run smtp-sink, which takes everything and keeps nothing."""
    port = free_port()
    command = ["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "256"]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()


class House:
    """A store in which so many mails wait, again and again."""

    def __init__(self, folder: Path, of: World, *, durable: bool) -> None:
        self.of, self.durable, self.folder = of, durable, folder
        url = f"sqlite:///{folder / f'{durable}.db'}"
        self.engine: Engine = filled(url, of, 1_000, durable=durable)
        with Session(self.engine) as session:
            tick(session, BEGINS, of)

    def notices(self, count: int) -> None:
        """Let so many notices wait for their mails."""
        with self.engine.begin() as connection:
            connection.execute(update(NOTICES).values(message_id=None, reason="later"))
            connection.execute(delete(MESSAGES))
            connection.execute(update(NOTICES).where(NOTICES.c.id <= count).values(reason=None))

    def mails(self, count: int) -> None:
        """Let so many mails wait for their hand-over."""
        self.notices(count)
        self.gather()

    def gather(self) -> None:
        with Session(self.engine, expire_on_commit=False) as session:
            gather(session, BEGINS, self.of)

    def deliver(self, port: int, carriers: int, count: int) -> None:
        way = Relay("127.0.0.1", port, "none", SENDER, carriers=carriers)
        desk = Desk(Journal(self.folder / "journal", "me") if self.durable else None)
        done = deliver(
            self.engine, lambda: BEGINS, way, self.of, owner="me", lease=LEASE, desk=desk
        )
        assert done.sent == count, done
        if desk.journal is not None:
            desk.journal.close()

    def bodies(self) -> list[tuple[str, bytes]]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(MESSAGES.c.recipient, MESSAGES.c.body))
            return [(row.recipient, bytes(row.body)) for row in rows]


def ready_made(port: int, mails: list[tuple[str, bytes]], connections: int) -> None:
    """Hand over bytes that are there already."""

    async def one(left: Iterator[tuple[str, bytes]]) -> None:
        client = SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="x.example")
        await client.connect()
        for recipient, body in left:
            await client.mail(SENDER)
            await client.rcpt(recipient)
            await client.data(body)
        await client.quit()

    async def all_() -> None:
        left = iter(mails)
        await asyncio.gather(*(one(left) for _ in range(connections)))

    asyncio.run(all_())


def compare_sending(folder: Path, of: World) -> None:
    durable, quick = House(folder, of, durable=True), House(folder, of, durable=False)
    durable.mails(MAILS)
    mails = durable.bodies()
    size = sum(len(body) for _, body in mails) // len(mails)
    with sink() as port:
        command = ["/usr/sbin/smtp-source", "-s", "8", "-m", str(MAILS), "-l", str(size)]
        command += ["-f", SENDER, "-t", "l@da1.example", f"127.0.0.1:{port}"]
        source = wall_seconds(partial(subprocess.run, command, check=True))
        print(f"P7 smtp-source, 8 connections: {MAILS / source:,.0f} mails/s of {size:,} bytes")

        def sent(house: House) -> float:
            house.notices(MAILS)

            def run() -> None:
                house.gather()
                house.deliver(port, 8, MAILS)

            return wall_seconds(run)

        # The rate is the inverse of the time, so the ratio of rates is base / ours.
        base = partial(wall_seconds, partial(ready_made, port, mails, 8))
        print(f"P7 ready-made bytes, 8 connections: {MAILS / base():,.0f} mails/s")
        for house, what in ((durable, "durable"), (quick, "nothing waits for the disk")):
            print(f"P7 sending, {what}: {MAILS / sent(house):,.0f} mails/s")
            ratio = compare(partial(sent, house), {"base": base}, rounds=7)["base"]
            record(f"P7 mails a second, composing included, {what} / ready-made bytes", ratio,
                   "aiosmtplib")  # fmt: skip


def compare_connections(folder: Path, of: World) -> None:
    slow = {"at": "dot", "do": "delay", "ms": 50}
    durable = House(folder / "slow", of, durable=True)
    with running(folder / "server", slow) as server:

        def sent(carriers: int) -> float:
            durable.mails(FEW)
            return wall_seconds(partial(durable.deliver, server.port, carriers, FEW))

        sides = {str(carriers): partial(sent, carriers) for carriers in (1, 4)}
        found = compare(partial(sent, 8), sides, rounds=7)
    record("P7 mails a second on 8 connections / on 1, server of 50 ms", found["1"], "aiosmtplib")
    record("P7 mails a second on 8 connections / on 4, server of 50 ms", found["4"], "aiosmtplib")


def main() -> None:
    of = world()
    compare_composing(of)
    with tempfile.TemporaryDirectory(prefix="duban-p7-") as folder:
        compare_sending(Path(folder), of)
        compare_connections(Path(folder), of)


if __name__ == "__main__":
    main()
