"""A plot with two axes as SVG: points are given in the units of the axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH, HEIGHT = 400, 280
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 14, 46  # margins, in the same unit
TICKS = 5


@dataclass(frozen=True)
class Axis:
    """One axis.

    Args:
        title: what it shows, with its unit.
        low, high: its ends.
    """

    title: str
    low: float = 0.0
    high: float = 1.0

    def ticks(self) -> list[float]:
        """About five round values between the ends."""
        step = round_step((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def round_step(step: float) -> float:
    """The next higher of 1, 2, 2.5, 5 and 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= step * (1 - 1e-9))


@dataclass
class Plot:
    """A plot that grows element by element.

    Args:
        x, y: the axes.
        description: what is to be seen, for those who cannot.
    """

    x: Axis
    y: Axis
    description: str
    _elements: list[Markup] = field(default_factory=list)

    def bar(self, low: float, high: float, top: float, kind: str, words: str = "") -> None:
        """A bar from the bottom of the plot."""
        (x0, y0), (x1, y1) = self._place(low, self.y.low), self._place(high, top)
        self._add(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}">{}</rect>',
            *(kind, _number(x0), _number(y1), _number(max(x1 - x0, 0.5)), _number(y0 - y1)),
            _title(words),
        )

    def line(self, points: Iterable[Sequence[float]], kind: str) -> None:
        """A line through points."""
        placed = [self._place(*point) for point in points]
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in placed)
        self._add('<polyline class="{}" points="{}"/>', kind, path)

    def dot(self, x: float, y: float, kind: str, words: str, link: str = "") -> None:
        """A point with its name, which may lead to a place on the page."""
        place = map(_number, self._place(x, y))
        drawn = Markup('<circle class="{}" cx="{}" cy="{}" r="3.5">{}</circle>').format(
            kind, *place, _title(words)
        )
        self._add('<a href="#{}">{}</a>', link, drawn) if link else self._elements.append(drawn)

    def words(self, x: float, y: float, words: str, kind: str = "word") -> None:
        """Words that begin at a point."""
        place = map(_number, self._place(x, y))
        self._add('<text class="{}" x="{}" y="{}">{}</text>', kind, *place, words)

    def drawn(self) -> Markup:
        """The plot as an svg element."""
        return Markup(
            '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>'
        ).format(WIDTH, HEIGHT, self.description, self._axes(), Markup("").join(self._elements))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM)

    def _axes(self) -> Markup:
        right, bottom, middle = WIDTH - RIGHT, HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
        parts = []
        for tick in self.y.ticks():
            _, y = self._place(self.x.low, tick)
            parts += [
                f'<line class="grid" x1="{LEFT}" y1="{_number(y)}" x2="{right}" y2="{_number(y)}"/>'
                f'<text class="tick y" x="{LEFT - 6}" y="{_number(y + 4)}">{_spelt(tick)}</text>'
            ]
        for tick in self.x.ticks():
            x, _ = self._place(tick, self.y.low)
            parts.append(
                f'<line class="grid" x1="{_number(x)}" y1="{bottom}" x2="{_number(x)}" '
                f'y2="{bottom + 4}"/>'
                f'<text class="tick x" x="{_number(x)}" y="{bottom + 17}">{_spelt(tick)}</text>'
            )
        parts += [
            f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>',
            f'<text class="title x" x="{(LEFT + right) / 2}" y="{HEIGHT - 8}">'
            f"{escape(self.x.title)}</text>",
            f'<text class="title x" transform="translate(14 {middle}) rotate(-90)">'
            f"{escape(self.y.title)}</text>",
        ]
        return Markup("".join(parts))

    def _add(self, template: str, *values: object) -> None:
        self._elements.append(Markup(template).format(*values))


def _title(words: str) -> Markup:
    return Markup("<title>{}</title>").format(words) if words else Markup("")


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _spelt(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 10000 else f"{value / 1000:g}k"
