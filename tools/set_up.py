"""Makes .venv hold what a lock file names; uses the standard library only.

`python3 -I tools/set_up.py LOCK` is called by ./duban and ./test when the stamp of LOCK is not
up to date. One process at a time works on .venv; the others wait and find it done. A set-up that
was cut short while it changed .venv leaves a mark, and the next one starts from an empty .venv.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "unfinished"


class SetUpError(Exception):
    """What went wrong and what to do, in Chinese, for the person at the terminal."""


def say(text: str) -> None:
    print(f"督办：{text}", file=sys.stderr, flush=True)


def stamp(lock: Path) -> str:
    """The text that ready.sh compares: the interpreter's real path, the sum of the lock file."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return f"{os.path.realpath(PYTHON)}\n{digest}  -\n"


def stamp_file(lock: Path) -> Path:
    return VENV / f"ready-{lock.name}"


def is_ready(lock: Path) -> bool:
    kept = stamp_file(lock)
    return kept.is_file() and kept.read_text() == stamp(lock)


def pins(lock: Path) -> set[str]:
    return {line for line in lock.read_text().splitlines() if "==" in line}


def venv_works() -> bool:
    """Whether .venv can be built upon: not left half changed, and its interpreter still there."""
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-I", "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, capture_output=True).returncode == 0


def create_venv() -> None:
    say("第一次使用（或上次准备没有完成），正在建立运行环境 .venv ……")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    done = subprocess.run(
        [sys.executable, "-I", "-m", "venv", str(VENV)], capture_output=True, text=True
    )
    if done.returncode == 0:
        return
    if "ensurepip" in done.stdout + done.stderr:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetUpError(
            "这台机器的 Python 缺少 venv 模块。\n"
            f"  请管理员运行 apt install python3-venv（或 python{version}-venv），然后重试。"
        )
    raise SetUpError(f"建立 {VENV} 失败：\n{done.stderr or done.stdout}")


def sources() -> list[str]:
    """pip's options for where packages come from: the usual places, or a folder of wheels."""
    folder = os.environ.get("DUBAN_WHEELS")
    if not folder:
        return []
    path = Path(folder).resolve()
    if not path.is_dir():
        raise SetUpError(f"DUBAN_WHEELS 指向的文件夹不存在：{path}")
    return ["--no-index", "--find-links", str(path)]


def install(lock: Path, held: int) -> None:
    """Installs what `lock` names; .venv is marked unfinished exactly while it is being changed.

    pip inherits `held`, the descriptor with the file lock: should this process be killed alone,
    nobody else touches .venv before pip has ended.
    """
    total = len(pins(lock))
    say(f"正在安装 {lock.name} 中的 {total} 个依赖包，通常需要一分钟左右 ……")
    command = [str(PYTHON), "-I", "-u", "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-input", "--progress-bar", "off", "--require-hashes"]
    command += ["--only-binary", ":all:", *sources(), "-r", str(lock)]
    last: deque[str] = deque(maxlen=12)
    seen = 0
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=(held,),
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last.append(line)
            if line.startswith("Installing collected packages"):
                begin_change()
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
                if sys.stderr.isatty():
                    print(f"\r  {seen}/{total}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if pip.returncode != 0:
        raise SetUpError(
            "安装依赖包失败。pip 最后的输出：\n"
            + "".join(f"  {line}" for line in last)
            + "请检查网络；若需使用镜像，请设置 PIP_INDEX_URL；"
            "若这台机器不能上网，请看 docs/offline.md（DUBAN_WHEELS）。"
        )


def begin_change() -> None:
    UNFINISHED.touch()
    for kept in VENV.glob("ready-*"):
        kept.unlink()


def end_change(lock: Path) -> None:
    """Stamps `lock` and every lock file whose packages are all among its own."""
    for other in HERE.glob("requirements*.lock"):
        if pins(other) <= pins(lock):
            stamp_file(other).write_text(stamp(other))
    UNFINISHED.unlink(missing_ok=True)


def set_up(lock: Path) -> None:
    """Returns when .venv holds what `lock` names and its stamp says so; raises SetUpError."""
    checkout = os.open(HERE, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("另一个进程正在准备运行环境，等它完成 ……")
        fcntl.flock(checkout, fcntl.LOCK_EX)
    if is_ready(lock):
        return
    started = time.monotonic()
    sources()  # a wrong folder is said before anything is done
    if not venv_works():
        create_venv()
        UNFINISHED.unlink()
    install(lock, checkout)
    end_change(lock)
    say(f"运行环境已就绪，用时 {time.monotonic() - started:.0f} 秒。")


def main() -> int:
    try:
        set_up(HERE / sys.argv[1])
    except SetUpError as error:
        say(str(error))
    except OSError as error:
        say(f"不能写入 {HERE}：{error}")
    except KeyboardInterrupt:
        say("已中断；下次启动时会重新准备。")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
