# Sourced by ./duban and ./test, with $here set to the checkout: `ready LOCK` returns once .venv
# holds what LOCK names. When it already does, this costs three small processes and no Python.

ready() {
    ready_stamp="$here/.venv/ready-$1"
    # set_up.py writes the same two lines: a system upgrade to another Python, or another lock,
    # makes them differ.
    if [ -r "$ready_stamp" ] && [ "$(cat "$ready_stamp")" = "$(
        readlink -f "$here/.venv/bin/python"
        sha256sum <"$here/$1"
    )" ]; then
        return 0
    fi
    for ready_python in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$ready_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$ready_python" -I "$here/tools/set_up.py" "$1" || exit 1
            return 0
        fi
    done
    cat >&2 <<'END'
督办：没有找到 Python 3.11 或更新的版本。
  Debian 12、Ubuntu 24.04 或更新的系统：请管理员运行 apt install python3 python3-venv，然后重试。
  其他系统：请先安装 Python 3.11 或更新的版本，使命令 python3 指向它。
END
    exit 1
}
