"""A drawing of boxes, circles, arrows and letters with subscripts, written as SVG. Standard library alone."""

from __future__ import annotations

import re
from html import escape

INK, PALE, WHITE = "#222222", "#8a8a8a", "#ffffff"
BLUE, VERMILION, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"  # as elman.insight.plots.COLOURS
TINTS = {BLUE: "#dcecf7", VERMILION: "#fbe6d8", GREEN: "#d9f0e8", PINK: "#f6e6ef", INK: WHITE}
FONT = "'STIX Two Text', 'Cambria', 'Times New Roman', serif"
HEAD = 7.0  # length of an arrow's head

Point = tuple[float, float]


class Drawing:
    """A picture of a given size on white, which stays legible on a dark page."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size, self.title = (width, height), title
        self.parts: list[str] = []

    def line(self, *points: Point, colour: str = INK, dashed: bool = False, over: bool = False) -> None:
        """Draw a line through the points; `over` leaves a gap in what it crosses."""
        path = "M" + " L".join(f"{x:g},{y:g}" for x, y in points)
        if over:
            self.parts.append(f'<path d="{path}" fill="none" stroke="{WHITE}" stroke-width="7"/>')
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.7"{dashes}/>')

    def arrow(self, *points: Point, colour: str = INK, dashed: bool = False, over: bool = False) -> None:
        """Draw a line whose last point has a head."""
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        neck = (x1 - HEAD * dx, y1 - HEAD * dy)
        self.line(*points[:-1], neck, colour=colour, dashed=dashed, over=over)
        wings = [(neck[0] + side * 0.5 * HEAD * dy, neck[1] - side * 0.5 * HEAD * dx) for side in (1, -1)]
        corners = " ".join(f"{x:.4g},{y:.4g}" for x, y in [(x1, y1), *wings])
        self.parts.append(f'<polygon points="{corners}" fill="{colour}"/>')

    def box(
        self, x: float, y: float, text: str, *, width: float = 48, height: float = 30, colour: str = INK
    ) -> None:
        """Draw a box around the point."""
        self.parts.append(
            f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" '
            f'rx="5" fill="{TINTS[colour]}" stroke="{colour}" stroke-width="1.5"/>'
        )
        self.text(x, y, text)

    def sign(self, x: float, y: float, text: str) -> None:
        """Draw an operation, a sign in a circle: "+" or "·" (the product element by element)."""
        self.parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="11" fill="{WHITE}" stroke="{INK}" stroke-width="1.5"/>'
        )
        if text == "·":
            self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="2.6" fill="{INK}"/>')
        else:
            self.line((x - 6, y), (x + 6, y))
            self.line((x, y - 6), (x, y + 6))

    def dot(self, x: float, y: float, colour: str = INK) -> None:
        """Mark where a line parts into two."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="{colour}"/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK,
        size: int = 17,
        anchor: str = "middle",
        upright: bool = False,
    ) -> None:
        """Write letters; single Latin letters lean (not where `upright`), and "h_{t-1}" has a subscript."""
        spans: list[str] = []
        drop = 0.0
        for base, sub in re.findall(r"([^_]+)(?:_\{([^}]*)\})?", text):
            letter = not upright and re.search(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", base)
            lean = ' font-style="italic"' if letter else ""
            spans.append(f'<tspan dy="{-drop:g}"{lean}>{escape(base)}</tspan>')
            drop = 0.0
            if sub:
                drop = size * 0.26
                sub = sub.replace("-", "−")
                spans.append(
                    f'<tspan dy="{drop:.3g}" font-size="{size * 0.7:.3g}" font-style="italic">'
                    f"{escape(sub)}</tspan>"
                )
        self.parts.append(
            f'<text x="{x:g}" y="{y + size * 0.32:.5g}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{"".join(spans)}</text>'
        )

    def svg(self) -> str:
        """Return the picture."""
        width, height = self.size
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" role="img" font-family="{FONT}">',
                f"<title>{escape(self.title)}</title>",
                f'<rect width="{width}" height="{height}" rx="8" fill="{WHITE}"/>',
                *self.parts,
                "</svg>\n",
            ]
        )
