"""The wheel and the source archive hold every file of the packages, data and pages included."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.setup.tree import PACKAGES, ROOT, tracked


def test_wheel_and_sdist_hold_every_file_of_the_packages(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    wanted = {name for name in tracked() if name.split("/")[0] in PACKAGES}
    assert any(name.endswith(".yaml") for name in wanted)

    with zipfile.ZipFile(next(tmp_path.glob("duban-*.whl"))) as wheel:
        held = set(wheel.namelist())
        points = next(n for n in held if n.endswith("entry_points.txt"))
        assert "duban = cli.__main__:main" in wheel.read(points).decode()
    assert sorted(wanted - held) == []
    top = {name.split("/")[0] for name in held}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)

    with tarfile.open(next(tmp_path.glob("duban-*.tar.gz"))) as sdist:
        archived = {name.partition("/")[2] for name in sdist.getnames()}
    assert sorted(wanted - archived) == []
