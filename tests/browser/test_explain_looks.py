"""How the page of elman explain looks: nothing lies on top of another, and all of it stands out."""

import pytest

from tests.browser.pages import small

pytestmark = pytest.mark.browser

GATED = ("lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu", "mingru", "minlstm", "sru")

OVERLAPS = """
  const met = [];
  const bare = (node) => {  // a line of text without the room above and below its letters
    const {left, right, top, bottom, height} = node.getBoundingClientRect();
    return {left, right, top: top + 0.22 * height, bottom: bottom - 0.2 * height};
  };
  const touch = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const placed = (selector) => [...document.querySelectorAll(selector)];
  const shapes = placed("#network .plus, #network .minus, #network .node .box")
    .map((shape) => [shape, shape.getBoundingClientRect()]);
  const texts = placed("#network text");
  const lines = texts.map((text) => [text, bare(text)]);
  for (const text of texts) {
    const parts = [...text.children].length ? [...text.children] : [text];
    const own = text.closest(".node");
    for (const part of parts.map(bare)) {
      const box = own && own.querySelector(".box").getBoundingClientRect();
      if (box && (part.top < box.top + 2 || part.bottom > box.bottom || part.left < box.left))
        met.push(`${text.textContent} out of its box`);
      for (const [shape, place] of shapes)
        if (touch(part, place) && !(own && shape === own.querySelector(".box")))
          met.push(`${text.textContent} on ${shape.closest("[data-id]").dataset.id}`);
      for (const [other, place] of lines)
        if (other !== text && touch(part, place))
          met.push(`${text.textContent} on ${other.textContent}`);
    }
  }
  return [...new Set(met)]
"""


@pytest.mark.parametrize("cell", ["rnn", "indrnn", *GATED])
def test_no_letter_lies_on_a_strip_a_box_or_another(show, cell):
    page = show(small(cell, 2))
    for mode in ("forward", "backward"):
        for everything in (False, True):
            page.set(mode=mode, openAll=everything)
            assert page.run(OVERLAPS) == [], (mode, everything)
    page.run("document.querySelector('[data-id=\"1/0/h\"] text').setAttribute('transform', 'translate(0 9)')")
    assert page.run(OVERLAPS)  # and an overlap would be seen


@pytest.mark.parametrize("cell", GATED)
def test_an_arrow_within_a_cell_passes_under_no_box(show, cell):
    page = show(small(cell))
    page.set(openAll=True)
    met = page.run(
        """const boxes = [...document.querySelectorAll("#network .node .box")];
        const met = new Set();
        for (const line of document.querySelectorAll("#network .edge-inner .line")) {
          const edge = line.closest("[data-id]").dataset.id;
          const ends = edge.split("/")[2].split(">");
          for (const box of boxes) {
            const {id} = box.closest("[data-id]").dataset;
            if (ends.includes(id.split("/")[2])) continue;
            const {x: left, y: top, width, height} = box.getBBox();
            for (let at = 0; at < line.getTotalLength(); at += 1) {
              const {x, y} = line.getPointAtLength(at);
              if (left < x && x < left + width && top < y && y < top + height) met.add(`${edge} under ${id}`);
            }
          }
        }
        return [...met]"""
    )
    assert met == []


CONTRAST = """
  const parts = (colour) => {
    const scale = colour.startsWith("color(") ? 255 : 1;
    const [r, g, b, alpha = 1] = colour.replace("srgb", "").match(/[\\d.e-]+/g).map(Number);
    return [r * scale, g * scale, b * scale, alpha];
  };
  const over = ([r, g, b, alpha], under) => [r, g, b].map((part, i) => part * alpha + under[i] * (1 - alpha));
  const light = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const style = (node) => getComputedStyle(node);
  const ground = parts(style(document.body).backgroundColor);
  const text = [...document.querySelectorAll("#panel td, #heat td:not(.void):not(.cut)")].map((cell) => {
    const under = over(parts(style(cell).backgroundColor), ground);
    return ratio(over(parts(style(cell.querySelector("button") || cell).color), under), under);
  });
  for (const name of document.querySelectorAll("#network .node.on-path text, #network .cell text"))
    text.push(ratio(parts(style(name).fill).slice(0, 3),
      over(parts(style(name.closest(".node").querySelector(".box")).fill), ground)));
  const graphics = [...document.querySelectorAll("#network .box, #network .line")].map((shape) => {
    const [r, g, b, alpha] = parts(style(shape).stroke);
    return ratio(over([r, g, b, alpha * Number(style(shape).strokeOpacity)], ground), ground);
  });
  for (const control of document.querySelectorAll("main button:not(#heat button), select"))
    graphics.push(ratio(over(parts(style(control).borderTopColor), ground), ground));
  return {text, graphics};
"""


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_read_and_what_is_pressed_stands_out(show, dark):
    """WCAG 1.4.3 and 1.4.11: 4.5 to one for text on its colour, 3 to one for boxes, arrows, controls."""
    page = show(small("lstm"))
    if dark:
        page.find("#page-theme").click()
    page.set(mode="backward", back=2, chosen="2/0/W", path={"l": 0, "t": 3, "k": 2})
    found = page.run(CONTRAST)
    assert len(found["text"]) > 20
    assert len(found["graphics"]) > 20
    assert min(found["text"]) >= 4.5
    assert min(found["graphics"]) >= 3
