"""The layout's own dangers: shadowed names, hijacked imports, files that name private places."""

import importlib.metadata
import importlib.util
import re
from pathlib import Path

import pytest

from tests.setup.tree import PACKAGES, ROOT, tracked

# Written with brackets so that this file does not match itself.
PRIVATE = re.compile(
    r"python[h]osted|pyp[i]\.org|npm[j]s\.(org|com)|deb\.debi[a]n\.org"
    r"|(^|[^A-Za-z0-9_.])/(w[o]rk|f[a]rm)/[a-z.]+|\.\./s[h]ared|\.\./\.lib[r]ary|/tmp/b[r]ief",
    re.MULTILINE,
)
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "base", "manager", "misc"}
SAYS_NOTHING |= {"handler", "handlers", "service", "services", "managers"}


@pytest.mark.parametrize("name", [*PACKAGES, "tests"])
def test_no_installed_distribution_has_a_package_of_our_name(name: str) -> None:
    assert importlib.metadata.packages_distributions().get(name, []) == []
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_every_top_level_package_is_listed_in_pyproject() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - {"tests", "benchmarks"} == set(PACKAGES)


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {Path(name).parent for name in tracked() if re.match(r"tests/.*\.py$", name)}
    folders |= {parent for folder in folders for parent in folder.parents if parent != Path()}
    assert Path("tests/setup") in folders
    assert [str(f) for f in sorted(folders) if not (ROOT / f / "__init__.py").is_file()] == []


def test_no_tracked_file_names_a_registry_or_a_private_path() -> None:
    found = []
    for name in tracked():
        if name.startswith(".ci/"):
            continue
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        found += [f"{name}: {match.group().strip()}" for match in PRIVATE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["https://pyp" + "i.org/simple", "see /wo" + "rk/main", "(../sha" + "red/x)"],
)
def test_the_pattern_sees_such_a_name(text: str) -> None:
    assert PRIVATE.search(text)


def test_no_module_is_over_300_lines_or_named_for_nothing() -> None:
    elsewhere = re.compile(r"(tests|benchmarks)/|.*/migrations/")
    modules = [n for n in tracked() if n.endswith(".py") and not elsewhere.match(n)]
    assert modules
    long = [name for name in modules if len((ROOT / name).read_text().splitlines()) > 300]
    assert long == []
    assert [name for name in modules if Path(name).stem in SAYS_NOTHING] == []


def test_nothing_is_skipped() -> None:
    """A missing service is a failure; `system` marks what plain ./test leaves out."""
    skips = re.compile(r"pytest\.(?:mark\.)?(?:s[k]ip|s[k]ipif|x[f]ail|import" r"orskip)\b")
    tests = [name for name in tracked() if re.match(r"tests/.*\.py$", name)]
    assert tests
    assert [name for name in tests if skips.search((ROOT / name).read_text())] == []
