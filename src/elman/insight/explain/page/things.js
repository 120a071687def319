// What can be chosen, each with an id "step/place/key": its name, its words, and its order.
//
// `place` is in, out or a layer. In `in`: word, the arrow E, x. In a layer: the arrows U and W (and c_prev, where
// the cell has a memory c; of a cell without W those of the states that it reads, h_prev), the cell; in an open one
// also its values, the arrows U_i and W_i of each gate and U_skip, and those from value to value, f>c. In `out`: the
// arrow V, logits, softmax, p, nll, loss.

const things = (() => {
  const { T, L, K } = page.data.sizes;
  const { gates, steps, cell } = page.data;
  const memories = cells.passed;

  function parse(id) {
    const [step, place, key] = id.split("/");
    return { id, t: Number(step), l: /^\d+$/.test(place) ? Number(place) : null, place, key, ...arrow(key) };
  }

  function arrow(key) {
    if (key.includes(">")) {
      const [from, to] = key.split(">");
      return { edge: "inner", from, to };
    }
    if (["E", "U", "W", "V", "softmax", "nll"].includes(key)) return { edge: key };
    if (key === "U_skip") return { edge: "skip" };
    if (/^[UW]_/.test(key)) return { edge: key[0], gate: gates.indexOf(key.slice(2)) };
    return key.endsWith("_prev") ? { edge: "memory" } : { edge: null };
  }

  const isOpen = (t) => state.now.openAll || state.now.open.has(t);

  // The arrows within an open cell: from value to value, by the terms of what they make.
  const inner = cells.definitions.flatMap((made) =>
    made.terms.flatMap((term) =>
      term.matrix || !term.factors ? [] : term.factors.map((factor) => `${cells.bare(factor)}>${made.key}`),
    ),
  );

  // All of a column in the order of the forward pass: for the keyboard.
  function column(t) {
    const ids = [`${t}/in/word`, `${t}/in/E`, `${t}/in/x`];
    for (let l = 0; l < L; l += 1) {
      ids.push(
        `${t}/${l}/U`,
        ...(cells.products ? [`${t}/${l}/W`] : []),
        ...memories.map((state) => `${t}/${l}/${state}_prev`),
        `${t}/${l}/cell`,
      );
      if (isOpen(t)) ids.push(...insideOf(t, l));
    }
    return [...ids, ...["V", "logits", "softmax", "p", "nll", "loss"].map((key) => `${t}/out/${key}`)];
  }

  function insideOf(t, l) {
    return cells.keys.flatMap((key) => {
      const made = cells.definition(key);
      const products = made
        ? made.terms
            .filter((term) => term.matrix)
            .map(({ matrix: { letter, gate } }) => (gate === undefined ? letter : `${letter}_${gates[gate]}`))
        : [];
      const entering = inner.filter((edge) => edge.endsWith(`>${key}`));
      return [...products, ...entering, key].map((name) => `${t}/${l}/${name}`);
    });
  }

  // What the player shows of a column: the values, not the arrows; of an open cell each, of a closed one the cell.
  function values(t) {
    return column(t).filter((id) => {
      const thing = parse(id);
      return thing.edge === null && !(thing.key === "cell" && isOpen(t));
    });
  }

  function name(thing) {
    const at = { t: thing.t, l: thing.l };
    if (thing.edge === "inner")
      return page.t("n_inner", { from: keyName(thing.from), to: keyName(thing.to) });
    if (thing.edge === "memory") return page.t(thing.key === "h_prev" ? "n_passed" : "n_memory", at);
    if (thing.edge)
      return (
        page.t(`n_${thing.edge}`, at) +
        (thing.gate >= 0 && gates.length > 1 ? ` (${keyName(gates[thing.gate])})` : "")
      );
    return keyName(thing.key, thing.t);
  }

  function keyName(key, t) {
    if (key === "word") return page.t("n_word", { word: shown(steps[t].word, steps[t].token) });
    if (key.startsWith("a_"))
      return gates.length > 1 ? page.t("n_a_of", { gate: keyName(key.slice(2)) }) : page.t("n_a");
    if (key.endsWith("_prev")) return page.t(`n_${key}`);
    if (/^\d+$/.test(key)) return page.t("n_own_gate", { gate: key });
    return page.t(ofCell(`n_${key}`));
  }

  // Where it stands: step, and layer where there are several.
  function where(thing) {
    return thing.l === null || L === 1
      ? page.t("at_step", { t: thing.t })
      : page.t("at_step_layer", { t: thing.t, l: thing.l });
  }

  const shown = (symbol, token) => symbols.token(symbol === "" ? token : symbol);

  // One or two sentences on what it is, in the mode that is shown.
  function words(thing) {
    const step = steps[thing.t];
    const values = {
      t: thing.t,
      before: thing.t - 1,
      T,
      K,
      id: step.id,
      word: shown(step.word, step.token),
      token: symbols.token(step.token),
      target: shown(step.target, step.target_token),
      top: symbols.token(step.top[0].token),
      p: symbols.number(step.probability),
      topP: symbols.number(step.top[0].probability),
      loss: symbols.number(step.loss),
      n: page.data.sizes.H,
      lossIndex: state.now.loss,
    };
    return wordKeys(thing, step).map((key) => page.t(key, values));
  }

  function wordKeys(thing, step) {
    const back = state.now.mode === "backward";
    const mark = back ? "b" : "f";
    const kind = thing.edge || thing.key;
    if (kind === "word" && step.unknown && !back) return ["f_word", "f_unknown"];
    if (kind === "W" && cells.within(thing.gate)) return [`${mark}_W_k`];
    if (kind === "W" && thing.t === 0) return [`${mark}_W_first`];
    if (kind === "W" && back && data.crossing(thing.t).length === 0) return ["b_W_cut"];
    if (kind === "V" && page.data.tied) return [`${mark}_V_tied`];
    if (kind === "inner" && !back && (cells.definition(thing.to) || {}).fn) return ["f_inner_fn"];
    if (kind === "inner" || kind === "memory") return [ofCell(`${mark}_${kind}`)];
    if (kind === "skip") return [`${mark}_skip${data.skips(thing.l) ? "" : "_same"}`];
    if (kind === "U" || kind === "W" || kind === "V" || thing.place !== String(thing.l)) {
      return [kind === "loss" && back && state.now.loss !== null ? ofOneLoss(thing) : `${mark}_${kind}`];
    }
    if (kind === "cell") return back ? ["b_h"] : [cells.known ? `f_cell_${cell}` : "f_cell_own"];
    if (kind.startsWith("a_")) return [back ? ofFunction(kind.slice(2)) : cells.products ? "f_a" : "f_a_alone"];
    if (/^\d+$/.test(kind)) return [`${mark}_own_gate`];
    if (back) return [kind === "h" ? "b_h" : "b_value"];
    return [kind === "f" || kind === "h" ? `f_${kind}_${cells.known ? cell : "own"}` : ofCell(`f_${kind}`)];
  }
  // Where a value means something else in this cell, it has words of its own.
  const ofCell = (key) => (cells.known && page.has(`${key}_${cell}`) ? `${key}_${cell}` : key);
  // Back through the function of a gate, if there is one.
  const ofFunction = (gate) => (cells.known && !cells.definition(gate).fn ? "b_value" : "b_a");
  const ofOneLoss = (thing) => (thing.t === state.now.loss ? "b_loss_this" : "b_loss_other");

  // Whether an arrow comes from the step before, so that truncation can cut it.
  function crosses(id) {
    const thing = parse(id);
    const recurrent = thing.edge === "W" && !cells.within(thing.gate);
    return recurrent || thing.edge === "memory" || (thing.from || "").endsWith("_prev");
  }

  // What lies on the ways from a loss to the state of the heat map's cell: down through the layers and back through
  // the steps, in any order. A memory carries what the state has changed: from the layer above at its own step on,
  // in its own layer from the next step on.
  function path() {
    if (state.now.path === null || state.now.mode !== "backward") return new Set();
    const { l, t, k } = state.now.path;
    const ids = ["loss", "nll", "p", "softmax", "logits", "V"].map((key) => `${t}/out/${key}`);
    for (let above = l; above < L; above += 1)
      for (let step = k; step <= t; step += 1) {
        ids.push(`${step}/${above}/cell`);
        if (above > l) ids.push(`${step}/${above}/U`);
        if (step > k && cells.products) ids.push(`${step}/${above}/W`);
        for (const name of memories) {
          const first = name === "h" || above > l ? k : k + 1;
          if (step > first) ids.push(`${step}/${above}/${name}_prev`);
        }
      }
    return new Set(ids.flatMap((id) => [id, id.replace(/cell$/, "h")]));
  }

  return {
    crosses,
    path,
    parse,
    isOpen,
    inner,
    column,
    values,
    name,
    keyName,
    where,
    words,
    shown,
    memories,
  };
})();
