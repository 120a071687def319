"""Draw the diagrams of the tutorial: ``python docs/figures/draw.py`` writes docs/images/tutorial/*.svg.

They hold letters and no words but those of the sentence, so that every language can use them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from svg import BLUE, GREEN, INK, PALE, PINK, VERMILION, Drawing

FOLDER = Path(__file__).parents[1] / "images" / "tutorial"
WORDS = ("I", "like", "to", "play", ".")


def unrolled(*, back: int | None = None, name: str = "unrolled") -> Drawing:
    """The network over four steps; with `back`, the way back from the last loss, cut `back` steps away."""
    d = Drawing(720, 372, name)
    columns, x_row, h_row, p_row, loss_row = [150, 300, 450, 600], 292, 206, 122, 44
    d.text(36, h_row, "h_{0}")
    for t, x in enumerate(columns, start=1):
        entering = 52 if t == 1 else columns[t - 2] + 24
        d.arrow((entering, h_row), (x - 24, h_row), colour=INK if back is None else PALE)
        d.text((entering + x - 24) / 2, h_row - 13, "W", colour=VERMILION)
        for lower, upper, letter in ((x_row, h_row, "U"), (h_row, p_row, "V"), (p_row, loss_row, "")):
            d.arrow((x, lower - 15), (x, upper + 15), colour=INK if back is None else PALE)
            d.text(x + 12, (lower + upper) / 2, letter, colour=VERMILION)
        d.box(x, x_row, f"x_{{{t}}}")
        d.box(x, h_row, f"h_{{{t}}}", colour=BLUE)
        d.box(x, p_row, f"p_{{{t}}}", colour=PINK)
        d.box(x, loss_row, f"L_{{{t}}}")
        d.text(x, x_row + 40, WORDS[t - 1], upright=True)  # "I" is a word here
        d.text(x + 34, loss_row, WORDS[t], anchor="start", colour=PALE)
    if back is not None:
        reach = columns[-back:]
        last = columns[-1]
        for upper, lower in ((loss_row, p_row), (p_row, h_row)):
            d.arrow((last - 11, upper + 15), (last - 11, lower - 15), colour=BLUE)
        for x, before in zip(reversed(reach), [*reversed(reach[:-1]), None], strict=True):
            d.arrow((x - 11, h_row + 15), (x - 11, x_row - 15), colour=BLUE)
            if before is not None:
                d.arrow((x - 24, h_row + 9), (before + 24, h_row + 9), colour=BLUE)
        if back < len(columns):
            cut = reach[0] - 75
            d.line((cut - 9, h_row - 2), (cut + 9, h_row + 20), colour=VERMILION)
            d.line((cut - 9, h_row + 20), (cut + 9, h_row - 2), colour=VERMILION)
    d.text(columns[0] - 62, x_row + 40, "t = 1", size=14, colour=PALE)
    return d


def one_step() -> Drawing:
    """One step of the simple network, and the way back."""
    d = Drawing(760, 236, "one step")
    d.text(34, 70, "x_{t}")
    d.text(34, 160, "h_{t-1}")
    d.box(120, 70, "U", colour=GREEN)
    d.box(120, 160, "W", colour=GREEN)
    for y in (70, 160):
        d.arrow((60, y), (96, y))
    d.arrow((144, 70), (220, 70), (220, 104))
    d.arrow((144, 160), (220, 160), (220, 126))
    d.sign(220, 115, "+")
    d.text(172, 115, "b", colour=VERMILION)
    d.arrow((181, 115), (209, 115))
    d.arrow((231, 115), (296, 115))
    d.text(262, 101, "a_{t}")
    d.box(322, 115, "tanh", colour=VERMILION, width=52)
    d.arrow((348, 115), (414, 115))
    d.text(380, 101, "h_{t}")
    d.dot(380, 115)
    d.box(438, 115, "V", colour=GREEN)
    d.arrow((462, 115), (489, 115))
    d.sign(500, 115, "+")
    d.text(500, 76, "c", colour=VERMILION)
    d.arrow((500, 86), (500, 104))
    d.arrow((511, 115), (566, 115))
    d.text(538, 101, "z_{t}")
    d.box(604, 115, "softmax", colour=PINK, width=76)
    d.arrow((642, 115), (690, 115))
    d.text(665, 101, "p_{t}")
    d.box(714, 115, "L_{t}", width=46)
    d.arrow((380, 115), (380, 196), (740, 196))
    d.text(716, 180, "h_{t}", colour=PALE)
    return d


def gate(d: Drawing, x: float, y: float, letter: str, text: str, h_row: float, x_row: float) -> None:
    """A box that reads both rails, x over h; its letter stands beside the output."""
    d.arrow((x - 9, h_row), (x - 9, y + 15))
    d.dot(x - 9, h_row)
    d.arrow((x + 9, x_row), (x + 9, y + 15), over=True)
    d.dot(x + 9, x_row)
    d.box(x, y, text, colour=BLUE if text == "σ" else VERMILION)
    d.text(x - 12, y - 30, letter)


def lstm() -> Drawing:
    """Long short-term memory."""
    d = Drawing(720, 360, "LSTM")
    c_row, mid, y, h_row, x_row = 56, 126, 206, 276, 312
    f, i, g, o, end = 150, 250, 340, 460, 566
    d.text(34, c_row, "c_{t-1}")
    d.text(34, h_row, "h_{t-1}")
    d.text(34, x_row, "x_{t}")
    d.line((62, h_row), (o - 9, h_row))
    d.line((62, x_row), (o + 9, x_row))
    for x, letter, text in ((f, "f", "σ"), (i, "i", "σ"), (g, "g", "tanh"), (o, "", "σ")):
        gate(d, x, y, letter, text, h_row, x_row)
    d.arrow((62, c_row), (f - 11, c_row))
    d.arrow((f, y - 15), (f, c_row + 11))
    d.arrow((f + 11, c_row), (g - 11, c_row))
    d.arrow((i, y - 15), (i, mid), (g - 11, mid))
    d.arrow((g, y - 15), (g, mid + 11))
    d.arrow((g, mid - 11), (g, c_row + 11))
    d.arrow((g + 11, c_row), (664, c_row))
    d.dot(end, c_row)
    d.arrow((end, c_row), (end, mid - 15))
    d.box(end, mid, "tanh", colour=VERMILION)
    d.arrow((end, mid + 15), (end, y - 11))
    d.arrow((o + 24, y), (end - 11, y))
    d.text(o + 50, y - 14, "o")
    d.arrow((end, y + 11), (end, h_row), (664, h_row))
    for x, row, sign in ((f, c_row, "·"), (g, mid, "·"), (g, c_row, "+"), (end, y, "·")):
        d.sign(x, row, sign)
    d.text(690, c_row, "c_{t}")
    d.text(690, h_row, "h_{t}")
    return d


def candidate(d: Drawing, top: float, mid: float, x_row: float) -> None:
    """What the GRU and the MGU share: h W through a gate, x U added, tanh."""
    d.dot(150, top)
    d.arrow((150, top), (150, mid - 15))
    d.box(150, mid, "W_{n}", colour=GREEN)
    d.arrow((174, mid), (249, mid))
    d.arrow((271, mid), (329, mid))
    d.arrow((340, x_row), (340, mid + 85), over=True)
    d.box(340, mid + 70, "U_{n}", colour=GREEN)
    d.arrow((340, mid + 55), (340, mid + 11))
    d.arrow((351, mid), (392, mid))
    d.box(416, mid, "tanh", colour=VERMILION)
    d.arrow((440, mid), (549, mid))
    d.text(480, mid - 14, "n")
    d.sign(260, mid, "·")
    d.sign(340, mid, "+")


def gated(*, minimal: bool) -> Drawing:
    """The gated recurrent unit with the reset after the product, and the minimal gated unit."""
    d = Drawing(720, 372, "MGU" if minimal else "GRU")
    top, mid, y, h_row, x_row, last = 52, 132, 232, 290, 326, 620
    d.text(34, top, "h_{t-1}")
    d.text(34, x_row, "x_{t}")
    d.line((88, top), (88, h_row), (251 if minimal else 502, h_row))
    d.dot(88, top)
    d.line((62, x_row), (340, x_row))
    candidate(d, top, mid, x_row)
    d.arrow((62, top), (489, top))
    if minimal:
        gate(d, 260, y, "f", "σ", h_row, x_row)
        d.line((260, mid + 46), (500, mid + 46), over=True)
        split = mid + 46
    else:
        gate(d, 260, y, "r", "σ", h_row, x_row)
        d.line((340, x_row), (520, x_row))
        d.dot(340, x_row)
        gate(d, 511, y, "z", "σ", h_row, x_row)
        split = mid + 46
        d.line((511, y - 15), (511, split))
    d.arrow((260, y - 15), (260, mid + 11))
    one, other = ("1−f", "f") if minimal else ("z", "1−z")
    d.line((500, split), (560, split))
    d.arrow((500, split), (500, top + 11), over=True)
    d.arrow((560, split), (560, mid + 11))
    d.text(507, top + 38, one, anchor="start")
    d.text(567, mid + 30, other, anchor="start")
    d.dot(500 if minimal else 511, split)
    if minimal:
        d.dot(260, split)
    d.arrow((511, top), (last - 11, top))
    d.arrow((571, mid), (last, mid), (last, top + 11))
    d.arrow((last + 11, top), (664, top))
    d.sign(500, top, "·")
    d.sign(560, mid, "·")
    d.sign(last, top, "+")
    d.text(690, top, "h_{t}")
    return d


PICTURES: dict[str, Callable[[], Drawing]] = {
    "unrolled": unrolled,
    "step": one_step,
    "backward": lambda: unrolled(back=4, name="backward"),
    "truncated": lambda: unrolled(back=2, name="truncated"),
    "lstm": lstm,
    "gru": lambda: gated(minimal=False),
    "mgu": lambda: gated(minimal=True),
}
"""What draws each picture, by the name of its file."""


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), "utf-8")


if __name__ == "__main__":
    main()
