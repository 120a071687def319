// Charts in SVG: axes, lines, dots. Colours are classes, so that the theme changes them without a new drawing.

const charts = (() => {
  const { svg, el, t } = page;

  // Round numbers between low and high, about `count` of them.
  function ticks(low, high, count) {
    const rough = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(k * step);
    return found;
  }

  // The powers of ten between low and high, thinned to about `count`.
  function decades(low, high, count) {
    const first = Math.floor(Math.log10(low));
    const last = Math.ceil(Math.log10(high));
    const step = Math.max(1, Math.ceil((last - first) / count));
    const found = [];
    for (let k = first; k <= last; k += step) found.push(10 ** k);
    return found;
  }

  function short(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e4 || size < 1e-3) {
      const power = Math.floor(Math.log10(size) + 1e-9);
      const factor = Number((value / 10 ** power).toFixed(2));
      const raised = [...String(power)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
      return `${factor === 1 ? "" : `${factor}·`}10${raised}`;
    }
    return String(Number(value.toPrecision(4)));
  }

  // An axis: from numbers to pixels.
  function scale({ low, high, log }, from, to) {
    const map = log ? Math.log10 : (value) => value;
    const span = map(high) - map(low) || 1;
    return (value) => from + ((map(value) - map(low)) / span) * (to - from);
  }

  // A frame with axes. `x` and `y`: {low, high, label, log}. Returns the drawing and where numbers lie in it.
  function frame({ width, height, x, y, label }) {
    const room = { left: 52, right: 22, top: 10, bottom: 40 };
    const at = {
      x: scale(x, room.left, width - room.right),
      y: scale(y, height - room.bottom, room.top),
    };
    const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    for (const value of y.log ? decades(y.low, y.high, 7) : ticks(y.low, y.high, 5)) {
      if (value < y.low * 0.999999 || value > y.high * 1.000001) continue;
      drawing.append(
        svg("line", { class: "grid", x1: room.left, x2: width - room.right, y1: at.y(value), y2: at.y(value) }),
        svg("text", { x: room.left - 6, y: at.y(value) + 4, "text-anchor": "end" }, short(value)),
      );
    }
    for (const value of ticks(x.low, x.high, Math.max(2, Math.min(8, width / 80)))) {
      drawing.append(
        svg("line", { class: "axis", x1: at.x(value), x2: at.x(value), y1: height - room.bottom, y2: height - room.bottom + 4 }),
        svg("text", { x: at.x(value), y: height - room.bottom + 17, "text-anchor": "middle" }, short(value)),
      );
    }
    drawing.append(
      svg("path", { class: "axis", d: `M${room.left} ${room.top}V${height - room.bottom}H${width - room.right}` }),
      svg("text", { x: (room.left + width - room.right) / 2, y: height - 4, "text-anchor": "middle" }, x.label),
      svg("text", {
        x: 0, y: 0, "text-anchor": "middle",
        transform: `translate(12 ${(room.top + height - room.bottom) / 2}) rotate(-90)`,
      }, y.label),
    );
    return { drawing, at };
  }

  // The path of a line; numbers that are missing break it.
  function path(points, at) {
    let drawn = "";
    let open = false;
    for (const [a, b] of points) {
      if (b === null || !Number.isFinite(at.y(b))) {
        open = false;
        continue;
      }
      drawn += `${open ? "L" : "M"}${at.x(a).toFixed(1)} ${at.y(b).toFixed(1)}`;
      open = true;
    }
    return drawn;
  }

  // A chart of lines. `lines`: [{name, points: [[x, y]], style}], where style is classes such as "s1 dashed".
  function lines({ width, height, x, y, label, lines: given, marks = false }) {
    const { drawing, at } = frame({ width, height, x, y, label });
    for (const line of given) {
      drawing.append(svg("path", { class: `line ${line.style}`, d: path(line.points, at) }));
      if (!marks || !line.marked) continue;
      for (const [a, b] of line.points) {
        drawing.append(svg("circle", { class: line.style.split(" ")[0], cx: at.x(a), cy: at.y(b), r: 3 }));
      }
    }
    return drawing;
  }

  // What each line is.
  function keys(entries) {
    return el("ul", { class: "keys" }, ...entries.map(({ name, style }) => el(
      "li", {},
      svg("svg", { width: 28, height: 10, "aria-hidden": "true" },
        svg("line", { class: `line ${style}`, x1: 0, x2: 28, y1: 5, y2: 5 })),
      name,
    )));
  }

  // The numbers behind a chart, for those who cannot see it, or want to copy them.
  function table(head, rows) {
    return el("details", {},
      el("summary", {}, t("numbers")),
      el("div", { class: "scroll" }, el("table", {},
        el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell, k) => el(
          k ? "td" : "th", k ? {} : { scope: "row" }, typeof cell === "number" ? short(cell) : cell ?? "–"))))))));
  }

  // The lowest and the highest of some numbers, null left out.
  function span(numbers) {
    const found = numbers.filter((value) => value !== null && Number.isFinite(value));
    return found.length ? [Math.min(...found), Math.max(...found)] : [0, 1];
  }

  return { frame, lines, keys, table, short, span, path };
})();
