// The panel's parts for arrows: with a matrix, or from value to value.

const along = (() => {
  const { el, t: words } = page;
  const { gates, sizes } = page.data;
  const { L, D, H } = sizes;
  const isBack = () => state.now.mode === "backward";
  const heading = (key, values) => el("h3", {}, words(key, values));

  // An arrow with a matrix: U, W (of one gate, or of any by choice), U_skip or V.
  function product(thing) {
    const { t } = thing;
    const edge = thing.edge === "skip" ? "U_skip" : thing.edge;
    const l = thing.l ?? L - 1;
    const single = edge === "V" || edge === "U_skip";
    const gate = single ? undefined : (thing.gate ?? Math.min(state.now.gate, gates.length - 1));
    const made = thing.gate === undefined && !single && gates.length > 1 ? [chooser(gate)] : [];
    const definition =
      edge === "V"
        ? cells.definition("logits")
        : cells.definitions.find((entry) => entry.terms.some((term) => matches(term, edge, gate)));
    const term = definition.terms.find((entry) => matches(entry, edge, gate));
    return [
      ...made,
      ...(isBack() ? productBack({ ...thing, edge }, l, gate, definition, term) : productForward(l, t, term)),
    ];
  }

  const matches = (term, letter, gate) =>
    term.matrix && term.matrix.letter === letter && term.matrix.gate === gate;

  function productForward(l, t, term) {
    const placed = backward.placed(term, l, t);
    const [vector, matrix, result] = [
      backward.product(placed),
      backward.matrixOf(placed),
      backward.termValue(placed),
    ];
    const text = symbols.term(placed);
    const entering = symbols.factor(placed.factors[0]);
    const key = term.matrix.letter === "V" ? "logits" : "h";
    const table = tables.matrix(matrix, {
      heads: (vector || []).map((entry, i) => shares.label(entering, i, entry)),
      names: parts.names(key, result ? result.length : 0),
      caption: words("table_of", { what: symbols.plain(text) }),
      last: result && { head: symbols.typeset(`= ${text}`), values: result },
    });
    const big = matrix && Math.max(matrix.length, matrix[0].length) > 16 && result;
    return [
      parts.formula(text),
      el("p", { class: "small" }, words("product_words")),
      table,
      ...(big
        ? [
            tables.vectors([{ kind: "sum", head: symbols.typeset(text), values: result }], {
              names: parts.names(key, result.length),
              caption: symbols.plain(text),
            }),
          ]
        : []),
    ];
  }

  function productBack(thing, l, gate, definition, term) {
    const { t, edge } = thing;
    const within = edge === "W" && cells.within(gate);
    const from = within ? "cell" : { U: "above", U_skip: "above", W: "next", V: "loss" }[edge];
    const back = backward.through({ key: definition.key, l, t, term, place: 0, from });
    const result = backward.termValue(back);
    const target =
      edge === "U" || edge === "U_skip"
        ? symbols.derivative("x", l, t)
        : edge === "W" && !within
          ? symbols.sent("h", l, t)
          : symbols.derivative(within ? page.data.reads[gate] : "h", l, t);
    const text = `${target}: ${symbols.term(back)}`;
    const made = [heading("sent_back"), parts.formula(text)];
    if (edge === "W" && !within && data.crossing(t).length === 0)
      made.push(el("p", { class: "note", "data-note": "cut" }, words("next_cut", { t })));
    else
      made.push(
        tables.vectors(
          [{ kind: "sum", head: symbols.typeset(symbols.term(back)), name: "sent", values: result }],
          {
            names: parts.units((edge === "U" || edge === "U_skip") && l === 0 ? D : H),
            caption: words("table_of", { what: symbols.plain(text) }),
          },
        ),
      );
    if (edge === "U_skip" && !data.skips(l)) return made;
    return [...made, heading("share_heading"), ...shares.share(edge, thing, gate)];
  }

  function chooser(gate) {
    return el(
      "div",
      { class: "button-group", role: "group", "aria-label": words("which_gate") },
      ...gates.map((name, g) =>
        el(
          "button",
          {
            type: "button",
            "data-gate": g,
            "aria-pressed": String(g === gate),
            title: things.keyName(name),
            onclick: () => state.set({ gate: g }),
          },
          name,
        ),
      ),
    );
  }

  // An arrow from value to value: what it carries is one factor of a term, or the argument of a function.
  function values(thing) {
    const { l, t } = thing;
    const [from, to] = thing.edge === "memory" ? [thing.key, thing.key.slice(0, -5)] : [thing.from, thing.to];
    const made = cells.definition(to);
    if (!made) return carried(from, l, t);
    const places = made.terms.flatMap((term) =>
      (term.factors || [])
        .map((factor, place) => ({
          key: to,
          l,
          t,
          term,
          place,
          from: from.endsWith("_prev") ? "next" : "cell",
        }))
        .filter((reader) => cells.bare(term.factors[reader.place]) === from),
    );
    if (!isBack()) {
      const terms = places.map((reader) => backward.placed(reader.term, l, t));
      return [
        parts.formula(symbols.formula(to, l, t)),
        ...terms.map((term) => parts.factors(term, made.fn && { fn: made.fn, key: to, l, t })),
      ];
    }
    const terms = places.map(backward.through);
    const crossing = from.endsWith("_prev") && data.crossing(t).length === 0;
    const note = crossing ? [el("p", { class: "note", "data-note": "cut" }, words("next_cut", { t }))] : [];
    return [
      heading("sent_back"),
      parts.formula(symbols.sum(terms)),
      ...note,
      ...terms.map((term) => parts.factors(term)),
    ];
  }

  function carried(from, l, t) {
    const values = isBack() ? data.derivative(from, l, t) : data.value(from, l, t);
    const text = isBack() ? symbols.factor({ key: from, l, t, d: true }) : symbols.vector(from, l, t);
    return [
      tables.vectors([{ kind: "sum", head: symbols.typeset(text), name: "sent", values }], {
        names: parts.units(H),
        caption: words("table_of", { what: symbols.plain(text) }),
      }),
    ];
  }

  return { product, values };
})();
