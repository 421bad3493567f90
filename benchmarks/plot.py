"""Line charts as SVG text: a panel beside the other, a line for each name, without a library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 44
COLOURS = ("#1b6ef3", "#d1495b", "#edae49", "#00798c", "#7b5ea7", "#5c6b73", "#3a7d44")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: what it shows, its axes' names, and the points of each line; ``most`` cuts the upright axis off."""

    title: str
    across: str
    up: str
    lines: Mapping[str, Points]
    most: float | None = None


def svg(panels: Sequence[Panel]) -> str:
    """Return the panels side by side as one picture."""
    wide = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{wide}" height="{HEIGHT}" fill="white"/>',
    ]
    for index, panel in enumerate(panels):
        parts += [f'<g transform="translate({WIDTH * index} 0)">', *_drawn(panel), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def ticks(most: float) -> list[float]:
    """Return about five round numbers from 0 to at least ``most``."""
    rough = max(most, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [step * index for index in range(math.ceil(most / step * 0.999) + 1)]


def _drawn(panel: Panel) -> Iterator[str]:
    points = [point for line in panel.lines.values() for point in line] or [(1.0, 1.0)]
    across = ticks(max(x for x, _ in points))
    up = ticks(panel.most or max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / across[-1],
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(y, up[-1]) / up[-1],
        )

    yield f'<text x="{LEFT}" y="18" font-size="13">{escape(panel.title)}</text>'
    for value in up:
        x, y = place(0, value)
        yield f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    for value in across:
        x, y = place(value, 0)
        yield f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{value:g}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(panel.across)}</text>'
    yield f'<text x="8" y="{TOP - 4}" font-size="10">{escape(panel.up)}</text>'
    for index, (name, line) in enumerate(panel.lines.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield f'<text x="{LEFT + 8}" y="{TOP + 14 + 14 * index}" fill="{colour}">{escape(name)}</text>'
