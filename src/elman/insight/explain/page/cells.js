// What each value of a cell is made of: the equations of elman.insight.reference.cells, as data.
//
// A definition is {key, terms, fn}: `key` is the sum of its terms, or `fn` of its one term. A term is a product
// of `factors`, keys of vectors element by element ("1-z" is the complement of z, "1/q" the reciprocal of q), on
// the right of which may stand a `matrix` {letter, gate}, or on the left a `peephole`, a row of p; or a parameter
// {bias, gate}.
// Everything else follows: the formulas, the arrows, and the derivatives (backward.js).

const cells = (() => {
  const { gates, activations, gated_by: gatedBy, reads, peepholes, cell } = page.data;
  const { L } = page.data.sizes;
  const last = gates.length - 1;
  const hasCandidateBias =
    "layers.0.b_candidate" in page.data.params || page.data.omitted.includes("params.layers.0.b_candidate");

  // How the gates make the states; the simple network's one gate is its state.
  const memory = (forget) => [
    { key: "c", terms: [{ factors: [forget, "c_prev"] }, { factors: ["i", "g"] }] },
    { key: "u", fn: "tanh", terms: [{ factors: ["c"] }] },
    { key: "h", terms: [{ factors: ["o", "u"] }] },
  ];
  const mixed = [{ key: "h", terms: [{ factors: ["1-z", "n"] }, { factors: ["z", "h_prev"] }] }];
  const STATES = {
    rnn: [],
    "rnn-relu": [],
    lstm: memory("f"),
    "lstm-peephole": memory("f"),
    "lstm-coupled": memory("1-i"),
    gru: mixed,
    "gru-before": mixed,
    mgu: [{ key: "h", terms: [{ factors: ["1-f", "h_prev"] }, { factors: ["f", "n"] }] }],
    indrnn: [],
    mingru: [{ key: "h", terms: [{ factors: ["1-z", "h_prev"] }, { factors: ["z", "n"] }] }],
    minlstm: [
      { key: "q", terms: [{ factors: ["f"] }, { factors: ["i"] }] },
      { key: "k", terms: [{ factors: ["f", "1/q"] }] },
      { key: "h", terms: [{ factors: ["k", "h_prev"] }, { factors: ["1-k", "n"] }] },
    ],
    sru: [
      { key: "c", terms: [{ factors: ["f", "c_prev"] }, { factors: ["1-f", "n"] }] },
      { key: "s", terms: [{ factors: ["x"], matrix: { letter: "U_skip" } }] },
      { key: "h", terms: [{ factors: ["r", "c"] }, { factors: ["1-r", "s"] }] },
    ],
  };
  const products = reads.length > 0; // of the state before: some cells have no W
  const known = cell in STATES; // of a cell of one's own the page knows the products alone
  const gatedProduct = gatedBy !== null || "layers.0.m" in page.data.values;

  function product(letter, gate) {
    return { factors: [letter === "U" ? "x" : reads[gate]], matrix: { letter, gate } };
  }

  function ofGate(name, gate) {
    const own = [product("U", gate), { bias: "b", gate }];
    const made = [];
    if (gatedProduct && gate === last) {
      const m = [product("W", gate), ...(hasCandidateBias ? [{ bias: "b_candidate", gate }] : [])];
      made.push({ key: "m", terms: m });
      // How a cell of one's own lets m in is not known here: `open` marks a sum that lacks a term.
      made.push({
        key: `a_${name}`,
        terms: known ? [...own, { factors: [gatedBy, "m"] }] : own,
        open: !known,
      });
    } else {
      // What the last product is of, r h: before it. How a cell of one's own makes it is not known here.
      if (known && products && !reads[gate].endsWith("_prev"))
        made.push({ key: reads[gate], terms: [{ factors: [gates[0], "h_prev"] }] });
      const seen = peepholes.flatMap(([of, state], row) =>
        of === name ? [{ factors: [state], peephole: row }] : [],
      );
      const before = products ? [product("W", gate)] : [];
      made.push({ key: `a_${name}`, terms: [own[0], ...before, ...seen, own[1]] });
    }
    const fn = activations[name] === "linear" ? undefined : activations[name];
    if (known) made.push({ key: name, fn, terms: [{ factors: [`a_${name}`] }] });
    return made;
  }

  // In the order of computation; the same in every layer and step.
  const definitions = ordered([...gates.flatMap(ofGate), ...(STATES[cell] || [])]);
  const output = { key: "logits", terms: [{ factors: ["h"], matrix: { letter: "V" } }, { bias: "c" }] };
  const keys = definitions.map((entry) => entry.key);
  if (!known)
    keys.push(
      ...new Set(reads.filter((read) => !read.endsWith("_prev"))),
      ...gates.filter((gate) => !page.data.states.includes(gate)),
      ...page.data.states.slice().reverse(),
    );

  // A gate that sees the new memory comes after it.
  function ordered(list) {
    const late = peepholes.filter(([, state]) => !state.endsWith("_prev")).map(([gate]) => gate);
    const waits = ({ key }) => late.some((gate) => key === gate || key === `a_${gate}`);
    const at = list.findIndex(({ key }) => key === "c") + 1;
    const [before, after] = [list.slice(0, at), list.slice(at)];
    return [...before.filter((made) => !waits(made)), ...before.filter(waits), ...after];
  }

  // Whether a gate's recurrent product is of what the step itself made, not of the step before.
  const within = (gate) => products && gate !== undefined && !reads[gate].endsWith("_prev");

  const definition = (key) =>
    key === "logits" ? output : definitions.find((entry) => entry.key === key) || null;
  const bare = (factor) => factor.replace(/^1[-/]/, "");

  // Where the value that a factor names stands: the step before for h_prev and c_prev, the layer below for x.
  function source(factor, l, t) {
    const key = bare(factor);
    if (key.endsWith("_prev")) return { key: key.slice(0, -5), l, t: t - 1 };
    if (key === "x" && l > 0) return { key: "h", l: l - 1, t };
    return { key, l, t };
  }

  // All that reads a value: [{key, l, t, term, place, from}], `place` the factor of the term that it is.
  function readers(key, l, t) {
    const found = [];
    const look = (entries, at, name, from) => {
      for (const entry of entries) {
        for (const term of entry.terms) {
          (term.factors || []).forEach((factor, place) => {
            if (bare(factor) === name) found.push({ key: entry.key, ...at, term, place, from });
          });
        }
      }
    };
    if (key === "h" && l === L - 1) look([output], { l, t }, "h", "loss");
    if (key === "h" && l < L - 1) look(definitions, { l: l + 1, t }, "x", "above");
    look(definitions, { l, t }, key, "cell");
    if (page.data.states.includes(key) && t + 1 < page.data.sizes.T) {
      look(definitions, { l, t: t + 1 }, `${key}_prev`, "next");
    }
    return found;
  }

  // The states that a step reads of the one before elementwise; of a cell of one's own that may be all.
  const passed = page.data.states.filter((name) =>
    products
      ? name !== "h"
      : !known ||
        definitions.some((made) => made.terms.some((term) => (term.factors || []).includes(`${name}_prev`))),
  );

  return {
    products,
    passed,
    definitions,
    definition,
    keys,
    known,
    source,
    bare,
    readers,
    within,
    gatedProduct,
    hasCandidateBias,
  };
})();
