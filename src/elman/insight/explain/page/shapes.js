// The shapes of the drawing: boxes with a text and a strip of colours, arrows with a head.

const boxes = (() => {
  const { svg } = page;

  // SVG text of a formula: what is in _{} stands lower, in ^{} higher.
  function text(markup, attributes) {
    const made = svg("text", attributes);
    let shift = 0;
    for (const [, mark, inner, plain] of markup.matchAll(/([_^])\{([^}]*)\}|([^_^]+)/g)) {
      const wanted = mark === "_" ? 3 : mark === "^" ? -5 : 0;
      made.append(svg("tspan", { dy: wanted - shift, class: mark ? "script" : null }, plain ?? inner));
      shift = wanted;
    }
    return made;
  }

  function strip(values, most, { x, y, width, height }) {
    const step = width / values.length;
    return values.map((entry, j) =>
      svg("rect", {
        x: x + j * step + 0.5,
        y,
        width: Math.max(step - 1, 1),
        height,
        class: entry < 0 ? "minus" : "plus",
        "fill-opacity": most ? (0.1 + 0.9 * Math.min(1, Math.abs(entry) / most)).toFixed(2) : 0.1,
      }),
    );
  }

  function make(id, box, lines, kind = "value") {
    const { x, y, width, height } = box;
    const group = svg("g", {
      class: `node ${kind}`,
      role: "button",
      "data-id": id,
      "aria-label": labels.of(id),
    });
    group.append(svg("rect", { x, y, width, height, rx: 5, class: "box" }));
    const step = height / lines.length;
    lines.forEach((line, i) => {
      const top = y + i * step;
      const strips = line.values && line.values.length > 0;
      const at = {
        x: x + width / 2,
        y: strips ? top + step / 2 - 2 : top + step / 2 + 4,
        "text-anchor": "middle",
        class: line.class || null,
      };
      if (line.plain !== undefined)
        group.append(svg("text", { ...at, class: `plain ${line.class || ""}` }, line.plain));
      else group.append(text(line.text, at));
      if (strips)
        group.append(
          ...strip(line.values, line.most, {
            x: x + 5,
            y: top + step / 2 + 4,
            width: width - 10,
            height: Math.min(9, step / 2 - 7),
          }),
        );
    });
    return group;
  }

  return { make };
})();

const arrows = (() => {
  const { svg } = page;
  const LEAST = 0.8; // opacity: even the faintest line keeps three to one against its ground
  const at = ([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`;

  // A path is {d, from, to, start, end}: its ends, and points near them that give its direction there.
  const straight = (points) => ({
    d: `M${points.map(at).join("L")}`,
    from: points[0],
    to: points[points.length - 1],
    start: points[1],
    end: points[points.length - 2],
    middle: between(points[0], points[1]),
  });
  const between = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const line = (from, to) => straight([from, to]);

  // From left to right, level at both ends.
  function curve(from, to) {
    const half = (to[0] - from[0]) / 2;
    return {
      d: `M${at(from)}C${at([from[0] + half, from[1]])} ${at([to[0] - half, to[1]])} ${at(to)}`,
      from,
      to,
      start: [from[0] + 1, from[1]],
      end: [to[0] - 1, to[1]],
      middle: between(from, to),
    };
  }

  // Upwards, upright at both ends.
  function bend(from, to) {
    if (Math.abs(from[0] - to[0]) < 1) return line(from, to);
    const half = (from[1] - to[1]) / 2;
    return {
      d: `M${at(from)}C${at([from[0], from[1] - half])} ${at([to[0], to[1] + half])} ${at(to)}`,
      from,
      to,
      start: [from[0], from[1] - 1],
      end: [to[0], to[1] + 1],
      middle: between(from, to),
    };
  }

  function head(tip, from, size) {
    const angle = Math.atan2(tip[1] - from[1], tip[0] - from[0]);
    const corner = (turn) => [tip[0] - size * Math.cos(angle + turn), tip[1] - size * Math.sin(angle + turn)];
    return svg("polygon", { class: "head", points: [tip, corner(0.42), corner(-0.42)].map(at).join(" ") });
  }

  // The arrow of a thing, along one or several paths; backward, from its end to its beginning.
  function make(id, paths, { label = null, first = false } = {}) {
    const back = state.now.mode === "backward";
    const kind = things.parse(id).edge;
    const size = flows.size(id);
    const nothing = back && size === 0;
    const cut = nothing && !first && things.crosses(id) && state.now.loss === null;
    const group = svg("g", {
      class: `edge edge-${kind}${nothing ? " nothing" : ""}`,
      role: "button",
      "data-id": id,
      "data-cut": String(nothing && things.crosses(id)),
      "aria-label": labels.of(id, cut),
    });
    for (const path of paths) {
      const gone = path.cut ?? nothing;
      const share = back ? flows.share(path.size ?? size) : null;
      const width = back ? (share === null ? 1.5 : 0.8 + 4.2 * share) / (paths.length > 2 ? 1.6 : 1) : 1.6;
      const opacity = share === null ? 1 : LEAST + (1 - LEAST) * share;
      group.append(svg("path", { d: path.d, class: "hit" }));
      group.append(
        svg("path", {
          d: path.d,
          class: gone ? "line cut" : "line",
          "stroke-width": (gone ? 1.4 : width).toFixed(2),
          "stroke-opacity": (gone ? LEAST : opacity).toFixed(2),
          "data-loss": path.loss ?? null,
        }),
      );
      if (!gone)
        group.append(back ? head(path.from, path.start, 6 + width) : head(path.to, path.end, 8));
    }
    if (label) group.append(named(label, paths, kind));
    return group;
  }

  // Its letter: above an arrow that runs to the right, to the right of one that runs upwards; above the lower half
  // of one that bends upwards, where it is clear of the boxes at both ends. Where the arrows of c and h run side by
  // side and steeply, c has its letter above them and h below.
  function named(label, paths, kind) {
    const { middle, from, to } = paths[Math.floor(paths.length / 2)];
    const [x, y] = middle;
    const [, highest] = paths[0].middle;
    if (kind !== "W" && kind !== "memory") {
      const across = from[0] - to[0];
      if (Math.abs(across) < 20) return svg("text", { x: x + 7, y: y + 4, class: "edge-label" }, label);
      const place = { x: x + 0.28 * across, y: y - 2, "text-anchor": "middle" };
      return svg("text", { ...place, class: "edge-label" }, label);
    }
    const fall = to[1] - from[1];
    const steep = Math.abs(fall) > 20;
    const right = (kind === "memory") === fall > 0 ? 11 : -11;
    const place = steep
      ? { x: x + right, y: kind === "memory" ? highest - (paths.length > 1 ? 5 : 2) : y + 10 }
      : { x, y: y - (paths.length > 1 ? 18 : 6) };
    return svg("text", { ...place, "text-anchor": "middle", class: "edge-label" }, label);
  }

  // An arrow that is part of the drawing and cannot be chosen.
  function plain(path) {
    const back = state.now.mode === "backward";
    return [
      svg("path", { d: path.d, class: "rail" }),
      back ? head(path.from, path.start, 7) : head(path.to, path.end, 7),
    ];
  }

  return { line, straight, curve, bend, make, plain };
})();
