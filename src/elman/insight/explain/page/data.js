// The numbers: what each step computed, and the derivative by it at any truncation.
//
// A vector is named by its key (h, c, a_i, x, logits, ...), its layer and its step. The derivative of the mean
// loss is summed here from page.data.each: of every loss that reaches the step. `null` stands for what the
// page does not carry.

const data = (() => {
  const all = page.data;
  const { T, L, K, D, H } = all.sizes;
  const OUTPUT = new Set(["logits", "p"]);
  const memory = new Map();

  const full = (key, l) => (OUTPUT.has(key) ? `output.${key}` : `layers.${l}.${key}`);

  function value(key, l, t) {
    const rows = all.values[full(key, l)];
    return rows ? rows[t] : null;
  }

  // A parameter by its letter: U, W, b of one gate; b_candidate, V, c, E. Tied models have no V but E transposed.
  function param(letter, l, gate) {
    if (letter === "E") return all.params["embedding.E"] || null;
    if (letter === "V") return all.tied ? EAsV : all.params["output.V"] || null;
    if (letter === "c") return all.params["output.c"] || null;
    if (letter === "U_skip" && !skips(l)) return identity;
    const found = all.params[`layers.${l}.${letter}`];
    if (!found) return null;
    return letter === "b_candidate" || letter === "U_skip" ? found : found[gate];
  }

  // Whether what passes by the memory is a product; else it is the input itself.
  const skips = (l) =>
    `layers.${l}.U_skip` in all.params || all.omitted.includes(`params.layers.${l}.U_skip`);
  const identity = Array.from({ length: H }, (_, i) => Array.from({ length: H }, (_, j) => Number(i === j)));

  // The derivatives by the products are those by what they are added to.
  function alias(key) {
    if (key.startsWith("Ux_")) return `a_${key.slice(3)}`;
    if (!key.startsWith("Wh_")) return key;
    const gate = key.slice(3);
    const gated = cells.gatedProduct && gate === all.gates[all.gates.length - 1];
    return gated ? "m" : `a_${gate}`;
  }

  // What loss t sends to step k; zero where it does not reach.
  function sentBy(key, l, t, k) {
    const rows = all.each[full(alias(key), l)];
    if (!rows) return derivative(key, l, k, { back: T, loss: t });
    if (key === "logits") return t === k ? rows[t] : rows[k].map(() => 0);
    return k <= t ? rows[t][k] : rows[t][0].map(() => 0);
  }

  // The losses that reach step k, at that truncation, of those that are shown.
  function losses(k, back = state.now.back, loss = state.now.loss) {
    const reach = [];
    for (let t = k; t < Math.min(T, k + back); t += 1) if (loss === null || loss === t) reach.push(t);
    return reach;
  }

  // How far losses reach that send on to the step before k. The state that enters has none before it: all send.
  const beyond = (k, back = state.now.back) => (k === 0 ? back : back - 1);
  const crossing = (k) => losses(k, beyond(k));

  // The derivative at step k: of the mean loss, or of the one that is chosen. What a step sends to the one
  // before it, h_prev and c_prev and all that is `across`, is not sent by the losses for which it is the last.
  function derivative(key, l, k, { across = false, back = state.now.back, loss = state.now.loss } = {}) {
    const reach = Math.min(across || key.endsWith("_prev") ? beyond(k, back) : back, T - k);
    const id = `${full(key, l)} ${k} ${reach} ${loss}`;
    if (!memory.has(id)) memory.set(id, found(key, l, k, { reach, back, loss }));
    return memory.get(id);
  }

  function found(key, l, k, { reach, back, loss }) {
    if (losses(k, reach, loss).length === 0) return new Array(width(key, l)).fill(0);
    if (!(full(alias(key), l) in all.each)) {
      return (
        given(key, l, k, reach, loss) ||
        backward.computed(alias(key), l, k, { back: key.endsWith("_prev") ? back : reach, loss })
      );
    }
    const parts = losses(k, reach, loss).map((t) => sentBy(key, l, t, k));
    return scaled(summed(parts, width(key, l)), loss === null ? 1 / T : 1);
  }

  // Where `each` is too large for a page, the derivative is there at one truncation; at the others it is computed.
  function given(key, l, k, reach, loss) {
    const rows = all.grads[full(key, l)];
    const back = all.truncate === null ? T : Math.min(all.truncate, T);
    const same = reach === Math.min(key.endsWith("_prev") ? beyond(k, back) : back, T - k);
    return rows && loss === null && same ? rows[k] : null;
  }

  function width(key, l) {
    if (OUTPUT.has(key)) return K;
    return key === "x" && l === 0 ? D : H;
  }

  // Vectors and matrices. Each gives null where it is given null.
  function summed(parts, n) {
    const total = new Array(n).fill(0);
    for (const part of parts)
      if (part)
        part.forEach((entry, j) => {
          total[j] += entry;
        });
    return total;
  }
  const scaled = (vector, factor) => vector && vector.map((entry) => entry * factor);
  const norm = (vector) => vector && Math.sqrt(vector.flat(2).reduce((sum, entry) => sum + entry * entry, 0));
  const transposed = (matrix) => matrix && matrix[0].map((_, j) => matrix.map((row) => row[j]));
  const outer = (a, b) => a && b && a.map((left) => b.map((right) => left * right));
  const multiplied = (a, b) => a && b && a.map((entry, j) => entry * b[j]);
  function times(vector, matrix) {
    if (!vector || !matrix) return null;
    const result = new Array(matrix[0].length).fill(0);
    matrix.forEach((row, i) =>
      row.forEach((entry, j) => {
        result[j] += vector[i] * entry;
      }),
    );
    return result;
  }
  // The vector times the matrix transposed.
  function timesTransposed(vector, matrix) {
    if (!vector || !matrix) return null;
    return matrix.map((row) => row.reduce((sum, entry, j) => sum + entry * vector[j], 0));
  }

  const EAsV = all.tied ? transposed(all.params["embedding.E"] || null) : null;

  // Whether every derivative can be shown at every truncation: summed up or computed.
  const complete = () =>
    !all.omitted.includes("each") ||
    (cells.known &&
      !all.omitted.some(
        (name) =>
          name.startsWith("params.") || name === "values.output.p" || name.startsWith("values.layers"),
      ));

  // The share of step k in the derivative of a parameter, in its shape, as Explanation.by_step gives it.
  function share(name, k, options = {}) {
    const by = (key, l) => derivative(key, l, k, options);
    if (name === "output.c") return by("logits");
    if (name === "output.V") return outer(value("h", L - 1, k), by("logits"));
    if (name === "embedding.E") return embeddingShare(k, by);
    const [, layer, letter] = name.split(".");
    const l = Number(layer);
    const last = all.gates[all.gates.length - 1];
    if (letter === "b_candidate") return by(`Wh_${last}`, l);
    if (letter === "U_skip") return outer(value("x", l, k), by("s", l));
    if (letter === "b") return all.gates.map((gate) => by(`Ux_${gate}`, l));
    if (letter === "p")
      return all.peepholes.map(([gate, seen]) => multiplied(value(seen, l, k), by(`a_${gate}`, l)));
    const product = letter === "U" ? "Ux_" : "Wh_";
    return all.gates.map((gate, g) =>
      outer(value(letter === "U" ? "x" : all.reads[g], l, k), by(product + gate, l)),
    );
  }

  function embeddingShare(k, by) {
    const rows = Array.from({ length: K }, () => new Array(D).fill(0));
    rows[all.steps[k].id] = by("x", 0);
    if (!all.tied) return rows;
    const above = outer(by("logits"), value("h", L - 1, k));
    return rows.map((row, i) => row.map((entry, j) => entry + above[i][j]));
  }

  return {
    complete,
    value,
    param,
    skips,
    sentBy,
    crossing,
    derivative,
    share,
    norm,
    summed,
    transposed,
    outer,
    multiplied,
    times,
    timesTransposed,
  };
})();
