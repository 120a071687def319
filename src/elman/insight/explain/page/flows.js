// How much flows back along each arrow: the length of the derivative that it carries.

const flows = (() => {
  const { T, L } = page.data.sizes;
  const DECADES = 3; // an arrow that carries 1,000 times less than the strongest is as thin as they get
  let sizes = new Map();
  let strongest = 0;
  let scales = new Map();

  // What an arrow with a matrix, or from value to value, sends back: terms of backward.js.
  function terms(thing) {
    const { l, t, edge } = thing;
    const letter = edge === "skip" ? "U_skip" : ["U", "W", "V"].includes(edge) ? edge : null;
    const definitions =
      edge === "V"
        ? [cells.definition("logits")]
        : cells.definitions.filter((made) => letter || made.key === thing.to);
    const fits = (term, factor) =>
      letter
        ? term.matrix && term.matrix.letter === letter && term.matrix.gate === thing.gate
        : !term.matrix && cells.bare(factor) === thing.from;
    const crossing = (edge === "W" && !cells.within(thing.gate)) || (thing.from || "").endsWith("_prev");
    return definitions.flatMap((made) =>
      made.terms.flatMap((term) =>
        (term.factors || []).flatMap((factor, place) =>
          fits(term, factor)
            ? [
                backward.through({
                  key: made.key,
                  l: l ?? L - 1,
                  t,
                  term,
                  place,
                  from: crossing ? "next" : "cell",
                }),
              ]
            : [],
        ),
      ),
    );
  }

  function measured(thing) {
    const { l, t, edge } = thing;
    if (edge === "E") return data.norm(data.derivative("x", 0, t));
    if (edge === "softmax" || edge === "nll") return data.norm(data.derivative("logits", null, t));
    if (edge === "memory") return data.norm(data.derivative(thing.key, l, t));
    if (edge === "U" && thing.gate === undefined) return data.norm(data.derivative("x", l, t));
    if (edge === "W" && thing.gate === undefined) return data.norm(data.derivative("h_prev", l, t));
    const values = terms(thing).map((term) => backward.termValue(term));
    if (values.length === 0 || values.includes(null)) return null;
    return data.norm(data.summed(values, values[0].length));
  }

  // Of all arrows, before a drawing.
  function measure() {
    [sizes, scales, strongest] = [new Map(), new Map(), 0];
    if (state.now.mode !== "backward") return;
    for (let t = 0; t < T; t += 1) {
      for (const id of things.column(t)) {
        const thing = things.parse(id);
        if (thing.edge === null) continue;
        sizes.set(id, measured(thing));
        strongest = Math.max(strongest, sizes.get(id) || 0);
      }
    }
  }

  const size = (id) => sizes.get(id) ?? null;

  // From 0 to 1, on a scale of powers of ten; null where it is not known.
  const share = (length) =>
    length === null
      ? null
      : length === 0 || strongest === 0
        ? 0
        : Math.max(0.02, 1 + Math.log10(length / strongest) / DECADES);

  // The largest number of a value over all steps: the full colour of its strip.
  function most(key, l) {
    const id = `${key} ${l}`;
    if (!scales.has(id)) {
      const get = state.now.mode === "backward" ? data.derivative : data.value;
      scales.set(id, tables.largest(Array.from({ length: T }, (_, t) => get(key, l, t))));
    }
    return scales.get(id);
  }

  return { measure, size, share, most };
})();
