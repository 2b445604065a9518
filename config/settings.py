"""How the house is set: one table of settings, and where each value came from.

The environment comes first, then ``duban.toml`` in the data folder, then the defaults. Standard
library only, and cheap to import, because every verb needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from config import values
from config.settings_file import read_file
from config.sheet import Finding

PREFIX = "DUBAN_"
EXTRA = frozenset({"DUBAN_WHEELS"})  # read by the set-up, before there is a Python environment
HERE = Path(__file__).resolve().parent.parent
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Setting(NamedTuple):
    """One line of the table; ``kind`` names the reader in ``config.values``."""

    name: str
    kind: str
    default: str | None
    help: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """Return the name of its environment variable."""
        return PREFIX + self.name.upper()


TABLE = (
    Setting("data", "folder", "data", "数据文件夹：数据库、邮件、duban.toml 都在里面"),
    Setting("database_url", "database", None, "数据库地址；不填用数据文件夹里的 SQLite", True),
    Setting("workflows", "existing folder", None, "自己的工作流文件夹，先于自带的查找"),
    Setting("rosters", "existing folder", None, "自己的名册文件夹，先于自带的查找"),
    Setting("contacts", "existing file", None, "联系人表，CSV 或 Excel"),
    Setting("base_url", "site", "http://127.0.0.1:8000", "对外的网址，邮件和订阅里的链接以它开头"),
    Setting("timezone", "zone", "Asia/Shanghai", "时区：期限和发送时段都按它算"),
    Setting("smtp_host", "host", None, "邮件服务器；不填时邮件写进数据文件夹里的 Maildir"),
    Setting("smtp_port", "port", None, "邮件服务器端口；不填按加密方式取 25、587、465"),
    Setting("smtp_tls", "tls", None, "加密：none、starttls、tls；不填时本机 none，其他 starttls"),
    Setting("smtp_user", "text", None, "邮件服务器的用户名"),
    Setting("smtp_password", "text", None, "邮件服务器的密码", True),
    Setting("smtp_timeout", "seconds", "600", "等邮件服务器答复的秒数"),
    Setting("lease", "seconds", "900", "一封信由一个进程占用的秒数，要长于等待答复的秒数"),
    Setting("mail_from", "mail", "duban@localhost", "发件邮箱"),
    Setting("admin_email", "mail", None, "管理员邮箱：每日平安信和故障都寄到这里"),
    Setting("monitor_url", "web", None, "外部监测的网址，每次运行后访问一次", True),
    Setting("deadline_reading", "reading", "inclusive", "“X日前”含当日 inclusive，不含 strict"),
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Every setting, with its source by name. Seconds are whole; a missing value is None.

    ``findings`` holds what is wrong; a wrong value is replaced by its default, so that the rest
    can still be looked at. Nothing may be started while there are ``errors``.
    """

    data: Path
    database_url: str
    workflows: Path | None
    rosters: Path | None
    contacts: Path | None
    base_url: str
    timezone: ZoneInfo
    smtp_host: str | None
    smtp_port: int
    smtp_tls: str
    smtp_user: str | None
    smtp_password: str | None
    smtp_timeout: int
    lease: int
    mail_from: str
    admin_email: str | None
    monitor_url: str | None
    deadline_reading: str
    sources: dict[str, str]
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Return what must be put right before anything is started."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Return what is only worth a look, such as unknown names."""
        return tuple(finding for finding in self.findings if finding.severity != "error")

    def shown(self) -> tuple[tuple[str, str, str], ...]:
        """Return (variable, value, source) of every setting, secrets masked."""
        rows = []
        for setting in TABLE:
            value = getattr(self, setting.name)
            text = "" if value is None else str(value)
            masked = setting.secret and text and self.sources[setting.name] != values.DEFAULT
            rows.append(
                (setting.variable, "******" if masked else text, self.sources[setting.name])
            )
        return tuple(rows)

    def __repr__(self) -> str:
        """Return no values, as some are secret and objects end up in logs."""
        return f"Settings(data={str(self.data)!r})"


def load(environ: Mapping[str, str], data: Path | None = None) -> Settings:
    """Return the settings of an environment; ``data`` stands before everything else.

    Raises nothing: what is wrong is in ``findings``. Relative folders in the environment count
    from the current folder, those in ``duban.toml`` from the data folder.
    """
    reader = values.Reader()
    _warn_of_unknown(environ, reader)
    given = _from_environment(environ, reader)
    folder, source = data, "命令行"
    if folder is None:
        found = reader.value("folder", given.pop("data", None), "data")
        folder, source = (found, reader.sources["data"]) if found else (_home(), values.DEFAULT)
    reader.sources["data"] = source
    for name, value in read_file(folder, _NAMES, reader.findings).items():
        if name == "data":
            reader.report(
                value, "S010", "data 不能写在数据文件夹里的文件中", "改用环境变量 DUBAN_DATA"
            )
        else:
            given.setdefault(name, value)
    read: dict[str, Any] = {"data": folder}
    for setting in TABLE[1:]:
        read[setting.name] = reader.value(
            setting.kind, given.get(setting.name), setting.name, setting.default
        )
    _fill_in(read, folder)
    _contradictions(read, given, reader)
    return Settings(**read, sources=reader.sources, findings=tuple(sorted(reader.findings)))


_NAMES = tuple(setting.name for setting in TABLE)


def _home() -> Path:
    """Return the data folder where none is named: the checkout's, from whatever folder it is run.

    A timer that starts the program elsewhere must not find itself with an empty store.
    """
    return (HERE if (HERE / "pyproject.toml").is_file() else Path.cwd()) / "data"


def _warn_of_unknown(environ: Mapping[str, str], reader: values.Reader) -> None:
    known = {setting.variable for setting in TABLE} | EXTRA
    known |= {setting.variable + "_FILE" for setting in TABLE if setting.secret}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            reader.unknown(name, known)


def _from_environment(environ: Mapping[str, str], reader: values.Reader) -> dict[str, values.Given]:
    given: dict[str, values.Given] = {}
    for setting in TABLE:
        variable = setting.variable
        text = environ.get(variable, "")
        file = environ.get(variable + "_FILE", "") if setting.secret else ""
        here = values.Given(text, variable, source=f"环境变量 {variable}")
        if text and file:
            reader.report(here, "S007", f"{variable} 和 {variable}_FILE 都写了", "只留一个")
        if text:
            given[setting.name] = here
        elif file:
            place = values.Given("", variable + "_FILE", source=f"文件 {file}")
            found = reader.secret(Path(file), place)
            if found is not None:
                given[setting.name] = place._replace(text=found)
    return given


def _fill_in(read: dict[str, Any], data: Path) -> None:
    """Replace what depends on another setting by its default."""
    read["database_url"] = read["database_url"] or f"sqlite:///{data / 'duban.db'}"
    read["base_url"] = read["base_url"].rstrip("/")
    port, host = read["smtp_port"], read["smtp_host"]
    if read["smtp_tls"] is None:
        plain = host in (None, *LOOPBACK)
        read["smtp_tls"] = "tls" if port == 465 else "none" if plain else "starttls"
    read["smtp_port"] = port or {"none": 25, "starttls": 587, "tls": 465}[read["smtp_tls"]]


def _contradictions(
    read: dict[str, Any], given: dict[str, values.Given], reader: values.Reader
) -> None:
    _lease(read, given, reader)
    for name, other in (("smtp_user", "smtp_password"), ("smtp_password", "smtp_user")):
        if read[name] and not read[other]:
            wanted = PREFIX + other.upper()
            reader.report(given.get(name), "S010", f"有 {name} 而没有 {other}", f"补上 {wanted}")
    outside = read["smtp_host"] not in (None, *LOOPBACK)
    if read["smtp_user"] and read["smtp_tls"] == "none" and outside:
        message = "密码会不加密地发给邮件服务器"
        reader.report(given.get("smtp_tls"), "S010", message, "改用 starttls 或 tls", "warning")


def _lease(read: dict[str, Any], given: dict[str, values.Given], reader: values.Reader) -> None:
    """Keep the lease longer than the wait, so that nobody takes over what is still under way."""
    lease, timeout = read["lease"], read["smtp_timeout"]
    if lease > timeout:
        return
    message = f"lease {lease} 秒不长于 smtp_timeout {timeout} 秒，等回应的信会被当作存疑"
    if "lease" in given:
        read["smtp_timeout"] = max(1, lease * 2 // 3)
        hint = f"smtp_timeout 暂按 {read['smtp_timeout']} 秒；把 lease 设得比它长就不再提示"
        reader.report(given["lease"], "S010", message, hint, "warning")
    else:
        read["lease"] = timeout * 3 // 2
        hint = f"lease 暂按 {read['lease']} 秒；两项都写明就不再提示"
        reader.report(given["smtp_timeout"], "S010", message, hint, "warning")
