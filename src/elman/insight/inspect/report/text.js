// The text, a span for each token: coloured, and asked about by pointer or keyboard.

const reader = (() => {
  const { el, t, data } = page;
  const box = document.getElementById("text");
  const tokens = [];
  const listeners = [];
  const own = { focused: 0 };
  const spaces = { " ": "space", "\n": "line_end", "\t": "tab" };

  // A number in [0, 1] between two colours.
  const between = (a, b, share) => a.map((from, k) => Math.round(from + (b[k] - from) * share));
  const palettes = {
    light: { ground: [255, 255, 255], surprise: [214, 84, 0], low: [33, 102, 172], high: [178, 24, 43] },
    dark: { ground: [21, 24, 29], surprise: [255, 140, 50], low: [88, 158, 245], high: [240, 92, 92] },
  };

  function luminance(colour) {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  // Black or white, whichever is further from a ground: the contrast is then at least 4.5.
  const ink = (colour) => (luminance(colour) > 0.179 ? "#000000" : "#ffffff");
  const css = (colour) => `rgb(${colour.join(" ")})`;

  // The colour of a value: surprise in [0, most] from the ground to orange, a unit in [-1, 1] from blue to red.
  function colour(value, by) {
    const palette = palettes[page.theme];
    if (value === null) return palette.ground;
    if (by.kind === "surprise") return between(palette.ground, palette.surprise, Math.min(1, value / by.most));
    return between(palette.ground, value < 0 ? palette.low : palette.high, Math.min(1, Math.abs(value) / by.most));
  }

  function paint(values, by) {
    tokens.forEach((token, k) => {
      const ground = colour(values[k], by);
      token.style.backgroundColor = css(ground);
      token.style.color = ink(ground);
    });
  }

  // A gradient for the legend.
  function bar(by) {
    const stops = by.kind === "surprise" ? [0, by.most / 2, by.most] : [-by.most, -by.most / 2, 0, by.most / 2, by.most];
    return `linear-gradient(to right, ${stops.map((value) => css(colour(value, by))).join(", ")})`;
  }

  // How a token is called where it cannot be seen.
  function called(piece) {
    if (piece === "") return t("part_of_character");
    return spaces[piece] ? t(spaces[piece]) : piece.trim() || JSON.stringify(piece);
  }

  // How a token is shown in a line of its own.
  const shown = (piece) => (piece === "" ? "∅" : piece.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll(" ", "␣"));

  function put() {
    data.pieces.forEach((piece, k) => {
      const token = el("span", { role: "option", tabindex: k ? -1 : 0, "data-k": k, "aria-selected": "false" });
      tokens.push(token);
      // A piece may end a line: the break stands outside, so that the colour ends where the token does.
      const breaks = piece.split("\n").length - 1;
      token.append(piece.replaceAll("\n", ""));
      if (breaks || piece === "") token.append(el("span", { class: "mark" }, breaks ? "⏎" : "·"));
      box.append(token, "\n".repeat(breaks));
    });
  }

  function name() {
    data.pieces.forEach((piece, k) => {
      if (!piece.trim() || piece.includes("\n")) tokens[k].setAttribute("aria-label", called(piece));
    });
  }

  function tell(k, how) {
    for (const listener of listeners) listener(k, how);
  }

  // One token can be reached with Tab; the arrow keys hand that on.
  function focus(k) {
    const to = Math.max(0, Math.min(tokens.length - 1, k));
    tokens[own.focused].tabIndex = -1;
    tokens[own.focused].setAttribute("aria-selected", "false");
    own.focused = to;
    tokens[to].tabIndex = 0;
    tokens[to].setAttribute("aria-selected", "true");
    if (document.activeElement !== tokens[to]) tokens[to].focus();
    tell(to, "focus");
  }

  // The token in the line above or below that lies nearest.
  function beside(k, way) {
    const here = tokens[k].getBoundingClientRect();
    let best = k;
    let line = null;
    for (let j = k + way; j >= 0 && j < tokens.length; j += way) {
      const there = tokens[j].getBoundingClientRect();
      if (Math.abs(there.top - here.top) < 4) continue;
      if (line === null) line = there.top;
      if (Math.abs(there.top - line) >= 4) break;
      if (best === k || Math.abs(there.left - here.left) < Math.abs(tokens[best].getBoundingClientRect().left - here.left)) best = j;
    }
    return best;
  }

  const moves = {
    ArrowRight: (k) => k + 1, ArrowLeft: (k) => k - 1, Home: () => 0, End: () => tokens.length - 1,
    ArrowDown: (k) => beside(k, 1), ArrowUp: (k) => beside(k, -1), PageDown: (k) => k + 200, PageUp: (k) => k - 200,
  };

  box.addEventListener("keydown", (event) => {
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    focus(moves[event.key](own.focused));
  });
  const of = (event) => event.target.closest?.("[data-k]");
  box.addEventListener("focusin", (event) => {
    if (of(event) === tokens[own.focused] && event.relatedTarget?.closest?.("#text") !== box) focus(own.focused);
  });
  box.addEventListener("pointerover", (event) => {
    const token = of(event);
    if (token) tell(Number(token.dataset.k), "hover");
  });
  box.addEventListener("pointerleave", () => tell(own.focused, "hover"));
  box.addEventListener("click", (event) => {
    const token = of(event);
    if (token) focus(Number(token.dataset.k));
  });

  put();
  return {
    paint, bar, called, shown, name,
    onToken: (listener) => listeners.push(listener),
  };
})();
