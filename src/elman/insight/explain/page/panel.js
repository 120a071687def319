// The panel of what is chosen: its name, what it is, its formula and its numbers.

const panel = (() => {
  const { el, t: words } = page;
  const { gates, steps, sizes } = page.data;
  const { T, L, D, H } = sizes;
  const box = document.getElementById("panel");

  function show() {
    const focused = box.contains(document.activeElement) ? document.activeElement : null;
    const again = focused && ["data-unit", "data-gate", "data-act"].map((name) => [name, focused.getAttribute(name)]).find(([, value]) => value !== null);
    const thing = things.parse(state.now.chosen);
    const title = things.name(thing);
    box.replaceChildren(
      el("h2", {}, title.charAt(0).toUpperCase() + title.slice(1)),
      el("p", { class: "muted small" }, things.where(thing)),
      ...things.words(thing).map((text) => el("p", { class: "words" }, text)),
      ...body(thing),
      ...called(thing),
    );
    if (again) box.querySelector(`[${again[0]}="${again[1]}"]`)?.focus();
  }

  const isBack = () => state.now.mode === "backward";
  const heading = (key, values) => el("h3", {}, words(key, values));

  function body(thing) {
    const kind = thing.edge || thing.key;
    if (kind in SPECIAL) return SPECIAL[kind](thing);
    if (thing.edge === "inner" || thing.edge === "memory") return along(thing);
    if (kind === "cell") return cell(thing);
    return isBack() ? [...parts.derivative(thing.key, thing.l, thing.t), ...shares(thing)] : parts.value(thing.key, thing.l, thing.t);
  }

  const SPECIAL = {
    word, E: embedding, x: input, U: product, W: product, V: product,
    logits: (thing) => (isBack() ? scores(thing) : parts.value("logits", L - 1, thing.t)),
    softmax: prediction.softmax, p: prediction.p, nll: prediction.nll, loss: prediction.loss,
  };

  function word(thing) {
    const step = steps[thing.t];
    if (isBack()) return embedding(thing);
    return [el("dl", { class: "facts" },
      el("dt", {}, words("word")), el("dd", {}, el("bdi", {}, things.shown(step.word, step.token))),
      el("dt", {}, words("index")), el("dd", { "data-fact": "id" }, String(step.id)),
      el("dt", {}, words("next_word")), el("dd", {}, el("bdi", {}, things.shown(step.target, step.target_token))))];
  }

  function embedding(thing) {
    const { t } = thing;
    const x = symbols.vector("x", 0, t);
    const row = [{ kind: "sum", head: symbols.typeset(isBack() ? `d${x}` : x), name: isBack() ? `d${x}` : x, values: isBack() ? data.derivative("x", 0, t) : data.value("x", 0, t) }];
    const text = isBack() ? `dE[${steps[t].id}] += d${x}` : `${x} = E[${steps[t].id}]`;
    return [parts.formula(text), tables.vectors(row, { names: parts.units(D), caption: words("table_of", { what: symbols.plain(text) }) })];
  }

  function input(thing) {
    return isBack() ? parts.derivative("x", 0, thing.t) : embedding(thing);
  }

  // A closed cell: all of its formulas, and its states; backward, the derivative by its state.
  function cell(thing) {
    const { l, t } = thing;
    const open = things.isOpen(t);
    const toggle = el("button", { type: "button", "data-act": "open", onclick: () => main.open(t) }, words(open ? "close_cell" : "open_cell"));
    const buttons = state.now.openAll ? [] : [el("p", {}, toggle)];
    if (isBack()) return [...buttons, ...parts.derivative("h", l, t), ...cellShares(thing)];
    const formulas = cells.definitions.map((made) => parts.formula(symbols.formula(made.key, l, t)));
    const rows = [...cells.keys.filter((key) => key !== "m" && !key.startsWith("a_")).map((key) => ({
      kind: key === "h" ? "sum" : "term", head: symbols.typeset(symbols.vector(key, l, t)), name: symbols.vector(key, l, t), values: data.value(key, l, t),
    }))];
    const simple = cells.definitions.length <= 2 && cells.known;
    const filled = simple ? cells.definitions.flatMap((made) => parts.value(made.key, l, t)) : [
      ...formulas, tables.vectors(rows, { names: parts.units(H), caption: words("table_of", { what: things.name(thing) }) })];
    return [...buttons, ...filled];
  }

  // How what comes back to a cell is shared out among the parameters: a length each.
  function cellShares(thing) {
    const names = Object.keys(page.data.params).filter((name) => name.startsWith(`layers.${thing.l}.`));
    const rows = names.map((name) => [name, data.norm(flat(data.share(name, thing.t)))]);
    return [heading("shares"), el("p", {}, words("shares_words")), el("table", {}, el("tbody", {}, ...rows.map(([name, length]) => el("tr", { "data-share": name },
      el("th", { scope: "row" }, symbols.typeset(`|d${name.split(".")[2].replace("b_candidate", "b_{cand}")}|`)), el("td", {}, symbols.number(length))))))];
  }
  const flat = (share) => (share === null || share.flat(2).includes(null) ? null : share.flat(3));

  // A sum before its function: how its derivative becomes shares of U, W and b.
  function shares(thing) {
    const isProduct = thing.key === "m";
    if (!isProduct && !thing.key.startsWith("a_")) return [];
    const gate = isProduct ? gates.length - 1 : gates.indexOf(thing.key.slice(2));
    const own = cells.gatedProduct && gate === gates.length - 1;
    const made = [heading("shares"), el("p", {}, words("shares_words"))];
    if (!isProduct) made.push(...share("U", thing, gate), ...biasShare("b", thing, gate));
    if (isProduct || !own) made.push(...share("W", thing, gate));
    if (isProduct && cells.hasCandidateBias) made.push(...biasShare("b_candidate", thing, gate));
    return made;
  }

  function biasShare(letter, thing, gate) {
    const text = `d${symbols.param(letter, thing.l, gate)}: d${symbols.vector(thing.key, thing.l, thing.t)}`;
    const row = [{ kind: "sum", head: symbols.typeset(`d${symbols.param(letter, thing.l, gate)}`), name: "share-b", values: data.derivative(thing.key, thing.l, thing.t) }];
    return [parts.formula(text), tables.vectors(row, { names: parts.units(H), caption: words("table_of", { what: symbols.plain(text) }) })];
  }

  // The share of a step in dU, dW or dV: what entered, as a column, times the derivative, as a row.
  function share(letter, thing, gate) {
    const { t } = thing;
    const l = thing.l ?? L - 1;
    const entering = { U: "x", W: "h_prev", V: "h" }[letter];
    const leaving = letter === "V" ? "logits" : letter === "W" && cells.gatedProduct && gate === gates.length - 1 ? "m" : `a_${gates[gate]}`;
    const [left, right] = [data.value(entering, l, t), data.derivative(leaving, l, t)];
    const dleaving = symbols.derivative(leaving, l, t);
    const name = symbols.param(letter, l, gate);
    const text = `d${name}: ${symbols.vector(entering, l, t)}^{⊤} ${dleaving}`;
    const entries = data.outer(left, right);
    return [parts.formula(text), tables.matrix(entries, {
      heads: (left || []).map((entry, i) => label(symbols.vector(entering, l, t), i, entry)), names: (right || []).map((entry, j) => label(dleaving, parts.names(leaving, right.length)[j], entry)),
      caption: words("share_of", { what: symbols.plain(`d${name}`), t }), unit: null,
    })];
  }

  // A row or column of a matrix by what multiplies it.
  function label(text, i, entry) {
    return el("span", { class: "by" }, symbols.typeset(text), `[${i}]`, el("br"), el("span", { class: "muted" }, symbols.number(entry)));
  }

  // An arrow with a matrix: U, W (of one gate, or of any by choice) or V.
  function product(thing) {
    const { t, edge } = thing;
    const l = thing.l ?? L - 1;
    const gate = edge === "V" ? undefined : thing.gate ?? Math.min(state.now.gate, gates.length - 1);
    const made = thing.gate === undefined && edge !== "V" && gates.length > 1 ? [chooser(gate)] : [];
    const definition = edge === "V" ? cells.definition("logits")
      : cells.definitions.find((entry) => entry.terms.some((term) => matches(term, edge, gate)));
    const term = definition.terms.find((entry) => matches(entry, edge, gate));
    return [...made, ...(isBack() ? productBack(thing, l, gate, definition, term) : productForward(l, t, term))];
  }
  const matches = (term, letter, gate) => term.matrix && term.matrix.letter === letter && term.matrix.gate === gate;

  function productForward(l, t, term) {
    const placed = backward.placed(term, l, t);
    const [vector, matrix, result] = [backward.product(placed), backward.matrixOf(placed), backward.termValue(placed)];
    const text = symbols.term(placed);
    const entering = symbols.factor(placed.factors[0]);
    const key = term.matrix.letter === "V" ? "logits" : "h";
    const table = tables.matrix(matrix, {
      heads: (vector || []).map((entry, i) => label(entering, i, entry)), names: parts.names(key, result ? result.length : 0),
      caption: words("table_of", { what: symbols.plain(text) }),
      last: result && { head: symbols.typeset(`= ${text}`), values: result },
    });
    const big = matrix && Math.max(matrix.length, matrix[0].length) > 16 && result;
    return [parts.formula(text), el("p", { class: "small" }, words("product_words")), table,
      ...(big ? [tables.vectors([{ kind: "sum", head: symbols.typeset(text), values: result }], { names: parts.names(key, result.length), caption: symbols.plain(text) })] : [])];
  }

  function productBack(thing, l, gate, definition, term) {
    const { t, edge } = thing;
    const from = { U: "above", W: "next", V: "loss" }[edge];
    const back = backward.through({ key: definition.key, l, t, term, place: 0, from });
    const result = backward.termValue(back);
    const target = edge === "U" ? symbols.derivative("x", l, t) : edge === "W" ? `dh_{${t}→${symbols.minus(t - 1)}}` : symbols.derivative("h", l, t);
    const text = `${target}: ${symbols.term(back)}`;
    const made = [heading("sent_back"), parts.formula(text)];
    if (edge === "W" && data.losses(t, state.now.back - 1).length === 0) made.push(el("p", { class: "note", "data-note": "cut" }, words("next_cut", { t })));
    else made.push(tables.vectors([{ kind: "sum", head: symbols.typeset(symbols.term(back)), name: "sent", values: result }], { names: parts.units(edge === "U" && l === 0 ? D : H), caption: words("table_of", { what: symbols.plain(text) }) }));
    return [...made, heading("share_heading"), ...share(edge, thing, gate)];
  }

  function chooser(gate) {
    return el("div", { class: "button-group", role: "group", "aria-label": words("which_gate") }, ...gates.map((name, g) => el("button", {
      type: "button", "data-gate": g, "aria-pressed": String(g === gate), title: things.keyName(name), onclick: () => state.set({ gate: g }),
    }, name)));
  }

  // An arrow from value to value: what it carries is one factor of a term, or the argument of a function.
  function along(thing) {
    const { l, t } = thing;
    const [from, to] = thing.edge === "memory" ? [thing.key, thing.key.slice(0, -5)] : [thing.from, thing.to];
    const made = cells.definition(to);
    if (!made) return carried(from, l, t);
    const places = made.terms.flatMap((term) => (term.factors || []).map((factor, place) => ({ key: to, l, t, term, place, from: from.endsWith("_prev") ? "next" : "cell" }))
      .filter((reader) => cells.bare(term.factors[reader.place]) === from));
    if (!isBack()) {
      const terms = places.map((reader) => backward.placed(reader.term, l, t));
      return [parts.formula(symbols.formula(to, l, t)), ...terms.map((term) => parts.factors(term, made.fn && { fn: made.fn, key: to, l, t }))];
    }
    const terms = places.map(backward.through);
    const crossing = from.endsWith("_prev") && data.losses(t, state.now.back - 1).length === 0;
    const note = crossing ? [el("p", { class: "note", "data-note": "cut" }, words("next_cut", { t }))] : [];
    return [heading("sent_back"), parts.formula(symbols.sum(terms)), ...note, ...terms.map((term) => parts.factors(term))];
  }

  function carried(from, l, t) {
    const values = isBack() ? data.derivative(from, l, t) : data.value(from, l, t);
    const text = isBack() ? symbols.factor({ key: from, l, t, d: true }) : symbols.vector(from, l, t);
    return [tables.vectors([{ kind: "sum", head: symbols.typeset(text), name: "sent", values }], { names: parts.units(H), caption: words("table_of", { what: symbols.plain(text) }) })];
  }

  // Softmax and cross-entropy together.
  const scores = (thing) => prediction.back(thing, share);

  // By which name the command line and Python know it.
  function called(thing) {
    const prefix = isBack() ? "d" : "";
    const key = thing.edge === null ? { word: null, loss: null, cell: "h" }[thing.key] ?? (thing.key === "word" || thing.key === "loss" ? null : thing.key) : { U: "U", W: "W", V: "V", E: "E" }[thing.edge] ?? null;
    if (key === null || (isBack() && key === "p")) return [];
    const layer = thing.l !== null && L > 1 ? ` --layer ${thing.l}` : "";
    const step = thing.edge === null || isBack() ? ` --step ${thing.t}` : "";
    return [el("p", { class: "muted small called" }, words("called"), " ", el("code", {}, `elman explain … --what ${prefix}${key}${step}${layer}`))];
  }

  return { show, share };
})();
