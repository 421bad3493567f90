"""Charts: round numbers on the axes, and every point inside its panel."""

import re
from xml.etree import ElementTree

import pytest

from benchmarks.plot import HEIGHT, WIDTH, Panel, svg, ticks


@pytest.mark.parametrize(
    ("most", "expected"),
    [(10, [0, 2, 4, 6, 8, 10]), (84, [0, 20, 40, 60, 80, 100]), (1, [0, 0.2, 0.4, 0.6, 0.8, 1.0])],
)
def test_round_numbers(most, expected):
    assert ticks(most) == pytest.approx(expected)


def test_every_point_is_inside_also_one_that_is_cut_off():
    lines = {"a < b": [(1, 5.0), (40, 4000.0)], "nothing": []}
    picture = svg([Panel("one", "calls", "ms", lines, most=400), Panel("none", "calls", "ms", {})])
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "a &lt; b" in picture
    for x, y in re.findall(r"([\d.]+),([\d.]+)", picture):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
