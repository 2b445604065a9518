"""What is wrong with the store, in plain words: a fault of the disk, the network or the rights.

Sources: https://sqlite.org/rescode.html, https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scheduler.migrating import Newer

Result = TypeVar("Result")


class Fault(NamedTuple):
    """A Chinese sentence, what to do, and whether waiting may help."""

    said: str
    hint: str
    passing: bool = False


_FULL = Fault(
    "磁盘已满，没有写成", "腾出空间后会自动继续；没有写成的这一步会重做，已有的数据完好", True
)
_READ_ONLY = Fault(
    "数据库是只读的，写不进去", "核对数据库文件和所在文件夹的权限，磁盘是否以只读方式挂载", True
)
_LOCKED = Fault(
    "数据库被另一个程序占用，等了 30 秒还没有轮到",
    "看是不是另有 duban 或数据库工具停在那里；它放手后会自动继续",
    True,
)
_CANNOT_OPEN = Fault(
    "数据库文件打不开", "核对 DUBAN_DATA、DUBAN_DATABASE_URL 和文件夹的权限", True
)
_CORRUPT = Fault(
    "数据库文件已损坏",
    "停下服务，原样留存这个文件，用 duban restore 备份文件 --replace 恢复最近的备份",
)
_DISK = Fault("读写数据库文件时出错", "看磁盘是否已满、已坏、已断开；好了以后会自动继续", True)
_AWAY = Fault("数据库连不上", "核对 DUBAN_DATABASE_URL，看数据库是否在运行；恢复后会自动继续", True)
_STARTING = Fault("数据库正在启动或停止", "等它好了会自动继续", True)
_REFUSED = Fault("数据库不认这个用户或密码", "核对 DUBAN_DATABASE_URL")
_NO_DATABASE = Fault("没有这个数据库", "请先建好数据库，核对 DUBAN_DATABASE_URL")
_CROWDED = Fault("数据库的连接用完了", "调大数据库的 max_connections，或少开几个副本", True)
_AGAIN = Fault("与另一个进程相撞，这一步没有写成", "会自动重做", True)

_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_CANTOPEN": _CANNOT_OPEN,
    "SQLITE_PERM": _CANNOT_OPEN,
    "SQLITE_CORRUPT": _CORRUPT,
    "SQLITE_NOTADB": _CORRUPT,
    "SQLITE_IOERR": _DISK,
}
_POSTGRESQL = {
    "53100": _FULL,
    "53300": _CROWDED,
    "25006": _READ_ONLY,
    "55P03": _LOCKED,
    "57P03": _STARTING,
    "57P01": _STARTING,
    "28": _REFUSED,
    "3D000": _NO_DATABASE,
    "40": _AGAIN,
    "08": _AWAY,
    "XX001": _CORRUPT,
    "XX002": _CORRUPT,
    "25P03": _AWAY,
}
# What libpq says before there is a connection carries no code.
_WORDS = (
    ("password authentication failed", _REFUSED),
    ("no password supplied", _REFUSED),
    ("does not exist", _NO_DATABASE),
    ("starting up", _STARTING),
    ("shutting down", _STARTING),
    ("too many clients", _CROWDED),
    ("remaining connection slots", _CROWDED),
)
_FILES = {
    errno.ENOSPC: _FULL._replace(said="磁盘已满，写不下"),
    errno.EDQUOT: _FULL._replace(said="磁盘配额已满，写不下"),
    errno.EFBIG: _FULL._replace(said="文件超过了允许的大小，写不下"),
    errno.EROFS: _READ_ONLY._replace(said="磁盘是只读的，写不进去"),
    errno.EACCES: Fault("没有权限", "核对文件和文件夹的权限", True),
    errno.EPERM: Fault("没有权限", "核对文件和文件夹的权限", True),
    errno.ENOTDIR: Fault("路径中间不是文件夹", "核对路径"),
}


def fault(error: BaseException) -> Fault | None:
    """Return what an error says of the store or the disk, None where it is something else."""
    if isinstance(error, BaseExceptionGroup):
        several = [fault(one) for one in error.exceptions]
        return several[0] if all(several) else None
    if isinstance(error, Newer):
        return Fault(
            f"数据库已由更新版本的督办升级过（{error.found}），这个版本不能用它",
            "换回新版本的程序；要退回旧版本，用升级前的备份 duban restore",
        )
    if isinstance(error, DBAPIError) and error.orig is not None:
        return _of_driver(error.orig, error.connection_invalidated)
    if isinstance(error, PoolTimeout):
        return _CROWDED
    if isinstance(error, sqlite3.Error):
        return _of_driver(error, False)
    if isinstance(error, OSError) and error.errno in _FILES:
        found = _FILES[error.errno]
        where = f"：{error.filename}" if error.filename else ""
        return found._replace(said=found.said + where)
    if isinstance(error, SQLAlchemyError) and error.__cause__ is not None:
        return fault(error.__cause__)
    return None


def _of_driver(error: BaseException, lost: bool) -> Fault | None:
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        return _SQLITE.get("_".join(name.split("_")[:2]))
    code = getattr(error, "sqlstate", None) or ""
    for known in (code, code[:2]):
        if known in _POSTGRESQL:
            return _POSTGRESQL[known]
    if type(error).__name__ != "OperationalError":
        return None
    said = str(error)
    if not lost and not code:
        for words, found in _WORDS:
            if words in said:
                return found
    return _AWAY if lost or not code else None


def said(error: BaseException) -> str:
    """Return a fault in Chinese; what is no fault of the store, by its type."""
    found = fault(error)
    return found.said if found else type(error).__name__


def passing(error: BaseException) -> bool:
    """Return whether an error is of a kind that may be gone when the same is tried again."""
    found = fault(error)
    return found is not None and found.passing


def twice(
    step: Callable[[], Result], tell: Callable[[Exception], object] = lambda error: None
) -> Result:
    """Return what a step gives that is safe to repeat, repeated once where its fault may be gone.

    ``tell`` hears of the first fault. Raises what the step raises.
    """
    try:
        return step()
    except Exception as error:
        if not passing(error):
            raise
        tell(error)
    return step()
