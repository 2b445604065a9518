"""Every text colour stands out from every ground it is used on (WCAG 2, 1.4.3), light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STYLE = (Path(__file__).parent.parent.parent / "web" / "static" / "style.css").read_text()
PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "faint", "red") for ground in ("paper", "sheet")),
    *((tone, f"{tone}-wash") for tone in ("late", "soon", "wait", "done", "calm")),
    *((tone, "sheet") for tone in ("late", "soon", "wait", "done")),
    *(("ink", f"{tone}-wash") for tone in ("late", "soon", "done", "calm")),
    *((ink, "soon-wash") for ink in ("soft", "faint")),
    ("on-red", "red"),
]


def scheme(dark: bool) -> dict[str, tuple[int, int, int]]:
    light, _, rest = STYLE.partition("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]{3,6});", light))
    if dark:
        colours |= dict(re.findall(r"--([a-z-]+): #([0-9a-f]{3,6});", rest.partition("\n}\n")[0]))
    return {name: _rgb(value) for name, value in colours.items()}


def _rgb(value: str) -> tuple[int, int, int]:
    if len(value) == 3:
        value = "".join(one * 2 for one in value)
    return int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16)


def luminance(colour: tuple[int, int, int]) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in colour)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_contrast_is_at_least_four_and_a_half(ink: str, ground: str, dark: bool) -> None:
    colours = scheme(dark)
    first, second = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (first + 0.05) / (second + 0.05) >= 4.5
