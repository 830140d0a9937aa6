"""Draws boxes and arrows as SVG, in the colours of the page, so that a picture is legible in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_INK = "var(--md-default-fg-color, currentColor)"
_ACCENT = "var(--md-primary-fg-color, currentColor)"


class Svg:
    """A picture that is written element by element."""

    def __init__(self, width: float, height: float, title: str) -> None:
        """Begin a picture.

        Args:
            width: Units across.
            height: Units down.
            title: For people who cannot see it.
        """
        self._head = (
            f'<svg viewBox="-1 -1 {width + 2:g} {height + 2:g}" role="img" aria-label="{escape(title)}" '
            f'style="width: 100%; max-width: {1.4 * width:g}px" font-size="14" '
            f'fill="{_INK}" xmlns="http://www.w3.org/2000/svg">'
        )
        self._parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, text: str, *, muted: bool = False) -> None:
        """Draw a box with one or more lines of text in its middle."""
        dash = ' stroke-dasharray="4 3"' if muted else ""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{_ACCENT}" '
            f'fill-opacity="{0.04 if muted else 0.12}" stroke="{_ACCENT}" stroke-opacity=".6"{dash}/>'
        )
        lines = text.split("\n")
        for number, line in enumerate(lines):
            middle = y + height / 2 + 5 + (number - (len(lines) - 1) / 2) * 17
            self._parts.append(f'<text x="{x + width / 2:g}" y="{middle:g}" text-anchor="middle">{escape(line)}</text>')

    def frame(self, x: float, y: float, width: float, height: float, title: str) -> None:
        """Draw a frame with a title in its corner."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="none" stroke="{_INK}" '
            f'stroke-opacity=".3"/><text x="{x + 10:g}" y="{y + 20:g}" font-weight="bold">{escape(title)}</text>'
        )

    def axes(self, x: float, y: float, size: float, *, across: str, down: str) -> None:
        """Draw a square from 0 to 100 % with a name for each direction."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" fill="none" stroke="{_INK}" '
            f'stroke-opacity=".4"/>'
        )
        for percent in (0, 50, 100):
            at = size * percent / 100
            self._parts.append(
                f'<text x="{x + at:g}" y="{y + size + 17:g}" text-anchor="middle">{percent}</text>'
                f'<text x="{x - 6:g}" y="{y + size - at + 5:g}" text-anchor="end">{percent}</text>'
            )
        middle = y + size / 2
        self._parts.append(
            f'<text x="{x + size / 2:g}" y="{y + size + 36:g}" text-anchor="middle">{escape(across)}</text>'
            f'<text x="{x - 30:g}" y="{middle:g}" text-anchor="middle" '
            f'transform="rotate(-90 {x - 30:g} {middle:g})">{escape(down)}</text>'
        )

    def curve(self, points: Sequence[tuple[float, float]], *, muted: bool = False, dots: bool = False) -> None:
        """Draw a line through points, dashed if it is muted, with a dot at each."""
        dash = ' stroke-dasharray="4 3" stroke-opacity=".6"' if muted else ' stroke-width="2"'
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{_ACCENT}"{dash}/>')
        if dots:
            self._parts += [f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="{_ACCENT}"/>' for x, y in points]

    def label(self, x: float, y: float, text: str) -> None:
        """Write a bold text."""
        self._parts.append(f'<text x="{x:g}" y="{y:g}" font-weight="bold">{escape(text)}</text>')

    def arrow(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw an arrow, across or down."""
        across = abs(x2 - x1) > abs(y2 - y1)
        side = [(x2 - 6, y2 - 4), (x2 - 6, y2 + 4)] if across else [(x2 - 4, y2 - 6), (x2 + 4, y2 - 6)]
        head = " ".join(f"{x:g},{y:g}" for x, y in [side[0], (x2, y2), side[1]])
        self._parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{_INK}" stroke-opacity=".6"/>'
            f'<polyline points="{head}" fill="none" stroke="{_INK}" stroke-opacity=".6"/>'
        )

    def text(self) -> str:
        """Return the picture as HTML without empty lines, which a Markdown page may hold."""
        return "\n".join(["<div>", self._head, *self._parts, "</svg>", "</div>"])
