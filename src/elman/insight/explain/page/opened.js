// An open cell: its values as boxes, and the arrows between them.

const opened = (() => {
  const { svg } = page;
  const { gates } = page.data;
  const { plan, BOX } = inside;
  const RADIUS = 9;

  function draw(box, l, t, shape, keep) {
    const place = ([x, y]) => [box.x + x, box.y + y];
    const id = (key) => `${t}/${l}/${key}`;
    const arrow = (key, paths, options = {}) =>
      shape.arrows.push(keep(id(key), arrows.make(id(key), paths, options)));
    shape.under.push(svg("rect", { ...box, rx: 8, class: "frame" }), ...rails(box, place));
    shape.boxes.push(keep(id("cell"), tab(id("cell"), box)));
    for (const key of cells.keys)
      if (plan.at[key]) shape.boxes.push(keep(id(key), valueBox(key, l, t, place(plan.at[key]))));
    for (const definition of cells.definitions) products(definition, place, arrow);
    for (const edge of new Set(things.inner)) arrow(edge, pathsOf(edge, place, box));
    for (const op of plan.ops) shape.under.push(...operation(op, place));
    if (!cells.known) shape.under.push(...unknown(place));
  }

  // The small handle of an open cell, in its upper right corner: choosing it shows the cell as a whole.
  function tab(id, box) {
    const group = svg("g", { class: "node tab", role: "button", "data-id": id, "aria-label": labels.of(id) });
    const [x, y] = [box.x + 4, box.y + 4];
    const name = symbols.short(page.data.cell, 14);
    const width = 14 + 7 * name.length;
    group.append(svg("rect", { x, y, width, height: 18, rx: 4, class: "box" }));
    group.append(svg("text", { x: x + width / 2, y: y + 13, "text-anchor": "middle" }, name));
    return group;
  }

  function valueBox(key, l, t, [x, y]) {
    const lines = network.vectorText(key, l, t);
    return boxes.make(
      `${t}/${l}/${key}`,
      { x: x - BOX.width / 2, y: y - BOX.height / 2, width: BOX.width, height: BOX.height },
      lines,
    );
  }

  // What enters is led along two rails to the sums: h of the step before, and the input.
  function rails(box, place) {
    const [fromH, fromX] = [["W"], ["U", "U_skip"]].map((letters) =>
      cells.definitions
        .filter((made) =>
          made.terms.some(({ matrix }) => letters.includes(matrix?.letter) && !offRail(matrix)),
        )
        .map((made) => plan.at[made.key][0]),
    );
    fromH.push(...plan.ops.filter((op) => op.rises).map((op) => op.at[0] + 11));
    const [, low] = place([0, plan.height - inside.RAILS.h]);
    const [, lowest] = place([0, plan.height - inside.RAILS.x]);
    const middle = box.width / 2;
    const [left, right] = [Math.min, Math.max].map((end) => box.x + end(...fromX, middle - 11) + 11);
    const made = [
      ...(cells.products ? [rail(`M${box.x},${low}H${box.x + Math.max(...fromH) - 11}`, "W")] : []),
      rail(`M${box.x + middle},${box.y + box.height}V${lowest}M${left},${lowest}H${right}`, "U"),
    ];
    const out = inside.ports(box);
    const [hx, hy] = place(plan.at.h);
    const onwards = cells.products || things.memories.includes("h") ? out.h.leaves[0] : hx + BOX.width / 2;
    made.push(
      rail(`M${hx + BOX.width / 2},${hy}H${onwards}M${hx},${hy - BOX.height / 2}V${box.y}`, "out"),
    );
    for (const name of things.memories.filter((entry) => entry !== "h")) {
      const [cx, cy] = place(plan.at[name]);
      made.push(rail(`M${cx},${cy - BOX.height / 2}V${out[name].leaves[1]}H${out[name].leaves[0]}`, "out"));
    }
    return made;
  }
  // A product of what the cell itself made: its arrow begins there.
  const offRail = ({ letter, gate }) =>
    letter === "W" && cells.within(gate) && plan.at[page.data.reads[gate]] !== undefined;
  const rail = (d, kind) => svg("path", { d, class: `rail rail-${kind}` });

  // The arrows U_i and W_i: from the rails to a sum.
  function products(definition, place, arrow) {
    const at = plan.at[definition.key];
    if (!at) return;
    for (const term of definition.terms.filter((entry) => entry.matrix)) {
      const { letter, gate } = term.matrix;
      if (offRail(term.matrix)) {
        const [start, half] = [plan.at[page.data.reads[gate]], [BOX.width / 2, BOX.height / 2]];
        arrow(`${letter}_${gates[gate]}`, [
          arrows.line(place(rim(start, half, at)), place(rim(at, half, start))),
        ]);
        continue;
      }
      const from = place([
        at[0] + (letter === "W" ? -11 : 11),
        plan.height - inside.RAILS[letter === "W" ? "h" : "x"],
      ]);
      const to = [from[0], place([0, at[1] + BOX.height / 2])[1]];
      arrow(gate === undefined ? letter : `${letter}_${gates[gate]}`, [arrows.line(from, to)]);
    }
  }

  // From value to value: straight, or through the circle where it is multiplied.
  function pathsOf(edge, place, box) {
    const [from, to] = edge.split(">");
    if (plan.routes && plan.routes[edge]) return [arrows.straight(plan.routes[edge].map(place))];
    const through = plan.ops.filter((op) => op.edges.includes(edge));
    const target = through.length
      ? through.map((op) => ({ at: op.at, size: [RADIUS, RADIUS] }))
      : [{ at: plan.at[to], size: [BOX.width / 2, BOX.height / 2] }];
    return target
      .filter((entry) => entry.at)
      .map(({ at, size }) => {
        if (from.endsWith("_prev")) return entering(from, at, place, box);
        const start = plan.at[from];
        const [a, b] = [rim(start, [BOX.width / 2, BOX.height / 2], at), rim(at, size, start)];
        return arrows.line(place(a), place(b));
      });
  }

  // A state enters at the left: c straight, h from its rail upwards.
  function entering(from, at, place, box) {
    const port = inside.ports(box)[from.slice(0, -5)].enters;
    const half = plan.ops.some((op) => op.at === at) ? RADIUS : BOX.width / 2;
    const end = place([at[0] - half, at[1]]);
    if (Math.abs(port[1] - end[1]) < 1) return arrows.line(port, end);
    const edge = from === "h_prev" && cells.products ? [] : [port]; // h has a rail to there
    return arrows.straight([...edge, [port[0] + 16, port[1]], [port[0] + 16, end[1]], end]);
  }

  // Where the line from the middle of a box to a point leaves it.
  function rim([x, y], [halfWidth, halfHeight], [toX, toY]) {
    const [dx, dy] = [toX - x, toY - y];
    const scale = Math.min(halfWidth / (Math.abs(dx) || 1e-9), halfHeight / (Math.abs(dy) || 1e-9));
    return [x + dx * scale, y + dy * scale];
  }

  // The circle of a product, and the arrow from there to the sum it is part of.
  function operation(op, place) {
    const [x, y] = place(op.at);
    const end = plan.at[op.to];
    const path = arrows.line(
      place(rim(op.at, [RADIUS, RADIUS], end)),
      place(rim(end, [BOX.width / 2, BOX.height / 2], op.at)),
    );
    const made = [
      ...arrows.plain(path),
      svg("circle", { cx: x, cy: y, r: RADIUS, class: "op" }),
      svg("text", { x, y: y + 4, "text-anchor": "middle", class: "op-text" }, "⊙"),
    ];
    if (op.mark) made.push(svg("text", { x: x + 13, y: y - 8, class: "script" }, op.mark));
    return made;
  }

  function unknown(place) {
    const end = place(plan.at.h);
    return gates
      .map(
        (gate) =>
          plan.at[`a_${gate}`] &&
          svg("path", { d: `M${place(plan.at[`a_${gate}`]).join(",")}L${end.join(",")}`, class: "rail" }),
      )
      .filter(Boolean);
  }

  return { draw };
})();
