"""Reads one file in a process of its own and prints its problems, with the time and memory used.

``python -m tests.bad_input.probe KIND PATH`` prints one JSON object.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from pathlib import Path

from tests.bad_input.reading import complaints, written

LIMIT = 1024 * 1024 * 1024  # far above what is allowed: it only keeps the machine from swapping


def _seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _megabytes() -> float:
    """Return the most memory this process ever held; ru_maxrss would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    before = _seconds()
    found = [written(complaint) for complaint in complaints(sys.argv[1], Path(sys.argv[2]))]
    used = _seconds() - before
    print(json.dumps({"found": found, "seconds": used, "megabytes": _megabytes()}))


if __name__ == "__main__":
    main()
