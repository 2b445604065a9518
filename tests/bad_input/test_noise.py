"""Whatever is done to a workflow file: it is read, or every reason why not is given."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bad_input.reading import HERE
from workflows.parse import parse

GOOD = (HERE / "cross" / "good.yaml").read_text("utf-8").splitlines()
PIECES = st.sampled_from(
    ["{a: b}", "[]", "{}", "~", "010", '"\\u202e"', "2019-02-30", "true", "- ", "：", '"', "'", "*a",
     "&a x", "!x y", "? ", ".NaN", "1e999", "a" * 700, "[a, [b]]", "once", "standing", "\t", "|", ">",
     "=?UTF-8?Q?=0A?=", "#", "---", "...", "%YAML 9.9", "-1", "3.5", "0x1F", "\x00", "\ufeff", "\r"]
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """Return the good file with up to four lines spoilt."""
    lines = list(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        piece = draw(st.one_of(PIECES, st.text(max_size=8)))
        key, colon, _ = lines[at].partition(":")
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
            case 2:
                lines[at] += piece
            case 3:
                lines[at] = piece + lines[at]
            case _:
                lines[at] = f"{key}{colon} {piece}"
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(spoilt())
def test_a_spoilt_file_is_read_or_refused_with_places(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    document, source = parse(raw, "x.yaml")
    errors = [problem for problem in source.problems if problem.severity == "error"]
    assert (document is None) == bool(errors)
    lines = text.replace("\r\n", "\n").split("\n")
    for problem in source.problems:
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1
        assert problem.message
        assert problem.hint
        assert "None" not in problem.message
        assert "[key]" in text or "[key]" not in str(problem)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=120), st.text(max_size=120).map(str.encode)))
def test_any_bytes_are_refused(raw: bytes) -> None:
    document, source = parse(raw, "x.yaml")
    assert document is None
    assert source.problems
