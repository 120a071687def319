// The drawing: the network unrolled over the sentence.

const network = (() => {
  const { svg, el } = page;
  const { T, L } = page.data.sizes;
  const { steps } = page.data;
  const STRIP = 24; // a vector of more numbers has no strip of colours
  const STRANDS = 12; // of a longer sentence the losses share one line
  const picture = document.getElementById("network");
  let nodes = new Map();

  const isBack = () => state.now.mode === "backward";

  function draw() {
    const focused = picture.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    nodes = new Map();
    flows.measure();
    const [rows, columns] = [layout.rows(), layout.columns()];
    const shapes = columns.made.map((column) => drawColumn(rows, columns.made, column));
    picture.setAttribute("width", columns.width);
    picture.setAttribute("height", rows.height);
    picture.setAttribute("viewBox", `0 0 ${columns.width} ${rows.height}`);
    picture.replaceChildren(
      ...shapes.flatMap((shape) => shape.under),
      ...shapes.flatMap((shape) => shape.arrows),
      ...shapes.flatMap((shape) => shape.boxes),
    );
    drawLabels(rows);
    mark();
    if (focused) (nodes.get(focused) || nodes.get(state.now.chosen))?.focus({ preventScroll: true });
  }

  function drawColumn(rows, all, column) {
    const { t, middle } = column;
    const shape = { under: [], arrows: [], boxes: [] };
    const arrow = (id, paths, options) => shape.arrows.push(keep(id, arrows.make(id, paths, options)));
    const box = (id, node) => shape.boxes.push(keep(id, node));
    const ports = rows.layers.map((row) => layout.ports(row, column));
    box(`${t}/in/word`, valueBox(`${t}/in/word`, middle, rows.word, [wordText(t)]));
    box(`${t}/in/x`, valueBox(`${t}/in/x`, middle, rows.x, vectorText("x", 0, t)));
    arrow(`${t}/in/E`, [arrows.line([middle, rows.word.top], [middle, rows.x.bottom])], { label: "E" });
    for (let l = 0; l < L; l += 1) {
      const below = l === 0 ? [middle, rows.x.top] : ports[l - 1].top;
      arrow(`${t}/${l}/U`, [arrows.bend(below, ports[l].x)], { label: "U" });
      states(l, t, ports[l], t > 0 ? layout.ports(rows.layers[l], all[t - 1]) : null).forEach((made) =>
        arrow(...made),
      );
      if (column.open) opened.draw(layout.cellBox(rows.layers[l], column), l, t, shape, keep);
      else box(`${t}/${l}/cell`, closedCell(layout.cellBox(rows.layers[l], column), l, t));
    }
    const top = ports[L - 1].top;
    arrow(`${t}/out/V`, [arrows.bend(top, [middle, rows.logits.bottom])], {
      label: page.data.tied ? "Eᵀ" : "V",
    });
    box(`${t}/out/logits`, valueBox(`${t}/out/logits`, middle, rows.logits, vectorText("logits", null, t)));
    arrow(`${t}/out/softmax`, [arrows.line([middle, rows.logits.top], [middle, rows.p.bottom])], {});
    box(`${t}/out/p`, valueBox(`${t}/out/p`, middle, rows.p, predictionText(t)));
    arrow(`${t}/out/nll`, [arrows.line([middle, rows.p.top], [middle, rows.loss.bottom])], {});
    box(`${t}/out/loss`, valueBox(`${t}/out/loss`, middle, rows.loss, [lossText(t)]));
    return shape;
  }

  // The arrows from the step before: of h, and of c where there is one; of a cell without W what it reads.
  function states(l, t, here, before) {
    const made = [];
    for (const name of page.data.states) {
      const product = name === "h" && cells.products;
      if (!product && !things.memories.includes(name)) continue;
      const id = product ? `${t}/${l}/W` : `${t}/${l}/${name}_prev`;
      const to = here[name].enters;
      const from = before ? before[name].leaves : [to[0] - layout.GAP + 18, to[1]];
      const key = `${name}_prev`;
      const split =
        isBack() && before && state.now.loss === null && T <= STRANDS && data.sentBy(key, l, t, t) !== null;
      const paths = split ? strands(key, l, t, from, to) : [arrows.curve(from, to)];
      made.push([id, paths, { label: product ? "W" : name, first: !before }]);
    }
    return made;
  }

  // One line for each loss that could be sent back here, cut where the truncation ends it.
  function strands(key, l, t, from, to) {
    const reach = data.crossing(t);
    const count = T - t;
    return Array.from({ length: count }, (_, i) => {
      const offset = (i - (count - 1) / 2) * Math.min(5, 30 / count);
      const size = data.norm(data.sentBy(key, l, t + i, t)) / T;
      return {
        ...arrows.curve([from[0], from[1] + offset], [to[0], to[1] + offset]),
        loss: t + i,
        cut: !reach.includes(t + i),
        size,
      };
    });
  }

  function keep(id, node) {
    nodes.set(id, node);
    return node;
  }

  // A box with lines of text, or a strip of colours under the last.
  function valueBox(id, x, row, lines) {
    const width = 80;
    return boxes.make(id, { x: x - width / 2, y: row.top, width, height: row.bottom - row.top }, lines);
  }

  function vectorText(key, l, t) {
    const values = isBack() ? data.derivative(key, l, t) : data.value(key, l, t);
    const text = (isBack() ? "d" : "") + symbols.vector(key, l, t);
    return [
      {
        text,
        values: values && values.length <= STRIP ? values : null,
        most: flows.most(key, l),
      },
    ];
  }

  const wordText = (t) => ({
    plain: symbols.short(things.shown(steps[t].word, steps[t].token), 9),
    class: steps[t].unknown ? "unknown" : "word",
  });

  const share = (p) => (p >= 0.005 ? p.toFixed(2) : p.toExponential(0).replace("-", "−"));

  function predictionText(t) {
    const [best] = steps[t].top;
    const right = best.id === steps[t].target_id;
    return [
      { plain: symbols.short(best.token, 9), class: right ? "right" : "wrong" },
      { plain: `p = ${share(best.probability)}`, class: "minor" },
    ];
  }

  const lossText = (t) => ({ text: `L_{${t}} = ${steps[t].loss.toFixed(3)}` });

  function closedCell(box, l, t) {
    const lines = page.data.states
      .slice()
      .reverse()
      .flatMap((name) => vectorText(name, l, t));
    return boxes.make(`${t}/${l}/cell`, box, lines, "cell");
  }

  // Names of the rows, at the left of the drawing.
  function drawLabels(rows) {
    const named = [
      ["loss", rows.loss],
      ["p", rows.p],
      ["logits", rows.logits],
      ...rows.layers.map((row, l) => [`layer ${l}`, row]),
      ["x", rows.x],
      ["word", rows.word],
    ];
    const side = document.getElementById("rows");
    side.style.height = `${rows.height}px`;
    side.replaceChildren(
      ...named.map(([name, row]) =>
        el(
          "span",
          { style: `top:${row.middle}px` },
          name.startsWith("layer ")
            ? page.t(L > 1 ? "row_layer" : "row_only_layer", { l: name.slice(6) })
            : page.t(`row_${name}`),
        ),
      ),
    );
  }

  // Bring a thing into view, and all of its step into the scrolled part of the drawing.
  function reveal(id) {
    const { left, right } = layout.columns().made[things.parse(id).t];
    const scroller = document.getElementById("scroller");
    const margin = 12;
    const [start, width] = [scroller.scrollLeft, scroller.clientWidth];
    if (left - margin < start || right - left + 2 * margin > width) scroller.scrollLeft = left - margin;
    else if (right + margin > start + width) scroller.scrollLeft = right + margin - width;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    nodes
      .get(id)
      ?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  // Show what is chosen, and what lies on the path of the heat map's cell.
  function mark() {
    const path = things.path();
    for (const [id, node] of nodes) {
      const chosen = id === state.now.chosen;
      node.classList.toggle("chosen", chosen);
      node.setAttribute("aria-pressed", String(chosen));
      node.setAttribute("tabindex", chosen ? "0" : "-1");
      node.classList.toggle("on-path", path.has(id));
    }
    if (!nodes.has(state.now.chosen)) nodes.values().next().value.setAttribute("tabindex", "0");
  }

  return { STRANDS, draw, mark, reveal, node: (id) => nodes.get(id), vectorText };
})();
