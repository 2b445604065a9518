"""A Postfix of the tests' own, beside whatever the machine runs: as strict as a real relay.

It demands STARTTLS and a password, takes mail for some domains into one Maildir, and refuses the
rest. Its configuration, queue, passwords and mailbox lie in a temporary folder. Only root can start
it; whoever is not root needs sudo without a password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mailserver.running import TRUSTED
from tests.notifications.servers import free_port

USER, PASSWORD = "duban", "长一点 p4ss"
LIMIT = 60_000  # bytes of one mail
NEEDED = ("postfix", "saslpasswd2", "openssl")
PREPENDED = (b"Return-Path:", b"X-Original-To:", b"Delivered-To:", b"Received:")

MAIN = """\
compatibility_level = 3.6
myhostname = mail.duban.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
smtpd_peername_lookup = no
smtpd_tls_cert_file = {folder}/server.pem
smtpd_tls_key_file = {folder}/server.pem
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_local_domain = duban.example
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
message_size_limit = {limit}
mydestination =
alias_maps =
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:box/
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
default_transport = error:nothing leaves this machine
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.2:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/sasldb
mech_list: PLAIN LOGIN
"""


@dataclass(frozen=True)
class Postfix:
    """A running instance."""

    folder: Path
    port: int

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def arrived(self, count: int) -> dict[str, tuple[bytes, bytes]]:
        """Return, by address, what the server wrote above a mail and the mail with CRLF.

        Waits until so many mails lie in the mailbox.
        """
        new, until = self.folder / "box" / "new", time.monotonic() + 15
        files: list[Path] = []
        while len(files) < count and time.monotonic() < until:
            time.sleep(0.05)
            files = list(new.iterdir()) if new.is_dir() else []
        assert len(files) >= count, self.log
        return dict(_opened(file.read_bytes()) for file in files)


def _opened(data: bytes) -> tuple[str, tuple[bytes, bytes]]:
    lines = data.splitlines(keepends=True)
    kept = next(
        number
        for number, line in enumerate(lines)
        if not line.startswith((*PREPENDED, b"\t", b" "))
    )
    above = b"".join(lines[:kept])
    address = above.partition(b"Delivered-To: ")[2].partition(b"\n")[0].decode()
    return address, (above, b"".join(lines[kept:]).replace(b"\n", b"\r\n"))


@contextmanager
def postfix(*domains: str) -> Iterator[Postfix]:
    """Run an instance that takes mail for these domains; all of it is gone at the end."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    assert not missing, f"not installed (tools/system-packages.txt): {missing}"
    # Not pytest's folder, which is closed to the users that Postfix runs as.
    folder = Path(tempfile.mkdtemp(prefix="duban-postfix-"))
    port = free_port()
    _configure(folder, port, domains)
    command = ("postfix", "-c", str(folder / "etc"))
    try:
        _root("mkdir", str(folder / "queue"))
        _root(*command, "start")
        try:
            yield Postfix(folder, port)
        finally:
            _root(*command, "stop")
    finally:
        _root("rm", "-rf", str(folder))


def _configure(folder: Path, port: int, domains: tuple[str, ...]) -> None:
    folder.chmod(0o755)
    for name in ("etc", "etc/sasl", "box"):  # Debian looks for SASL beside main.cf
        (folder / name).mkdir()
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    values = {
        "folder": folder, "port": port, "domains": " ".join(domains), "limit": LIMIT,
        "uid": owner.pw_uid, "gid": owner.pw_gid,
    }  # fmt: skip
    (folder / "etc" / "main.cf").write_text(MAIN.format(**values))
    (folder / "etc" / "master.cf").write_text(MASTER.format(**values))
    (folder / "etc" / "sasl" / "smtpd.conf").write_text(SASL.format(**values))
    shutil.copy(TRUSTED, folder / "server.pem")
    command = ["saslpasswd2", "-c", "-p", "-f", str(folder / "sasldb"), "-u", "duban.example", USER]
    subprocess.run(
        command, input=PASSWORD.encode(), check=True, capture_output=True, env={"PATH": _path()}
    )
    (folder / "sasldb").chmod(0o644)
    os.chown(folder / "box", owner.pw_uid, owner.pw_gid)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _root(*command: str) -> None:
    prefix = () if os.geteuid() == 0 else ("sudo", "-n")
    done = subprocess.run(
        (*prefix, *command), capture_output=True, text=True, timeout=30,
        env={"PATH": _path(), "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
