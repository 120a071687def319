// What flows back: the chain rule through the definitions of cells.js, read from right to left.
//
// If y is a sum of terms and x a factor of one of them, x gets dy times the other factors of that term; through
// a matrix M, dy M transposed; through a function, dy times its slope. dx is the sum over all that reads x.
//
// A factor here is {key, l, t} and, of these, d (the derivative by it), across (of what goes to the step before),
// complement (1 - it), reciprocal (1 / it), slope (the slope of a function where its value is it). A term is
// {sign, factors, matrix, peephole, transposed, from}.

const backward = (() => {
  // A term of a definition with its factors in their places.
  function placed(term, l, t) {
    return {
      sign: 1,
      factors: (term.factors || []).map((factor) => ({
        key: cells.bare(factor),
        l,
        t,
        complement: factor.startsWith("1-"),
        reciprocal: factor.startsWith("1/"),
      })),
      matrix: term.matrix ? { ...term.matrix, l } : null,
      peephole: term.peephole === undefined ? null : { row: term.peephole, l },
      bias: term.bias ? { letter: term.bias, gate: term.gate, l } : null,
      transposed: false,
    };
  }

  // What a value gets from one of its readers.
  function through(reader) {
    const { key, l, t, term, place, from } = reader;
    const whole = placed(term, l, t);
    const dy = { key, l, t, d: true, across: from === "next" };
    const fn = (cells.definition(key) || {}).fn;
    const slope = fn ? [{ key, l, t, slope: fn }] : [];
    const own = whole.factors[place];
    const squared = own.reciprocal ? [own, own] : []; // the slope of 1 / q is -1 / q^2
    return {
      sign: own.complement || own.reciprocal ? -1 : 1,
      factors: [dy, ...(fn ? slope : whole.factors.filter((_, i) => i !== place)), ...squared],
      matrix: whole.matrix,
      peephole: whole.peephole,
      transposed: whole.matrix !== null,
      from,
      reader,
    };
  }

  // All that a value gets: its derivative is their sum. Null where the page does not know the cell's equations.
  function terms(key, l, t) {
    if (key === "logits" || key === "p") return null;
    const states = page.data.states.includes(key);
    if (!cells.known && !states && key !== "x") return null;
    const found = cells.readers(key, l, t).map(through);
    if (cells.known || !states) return found;
    // A cell of one's own: what it sends to the step before is known as a whole.
    const rest = found.filter((term) => term.from === "loss" || term.from === "above");
    const next = { key: `${key}_prev`, l, t: t + 1, d: true };
    return t + 1 < page.data.sizes.T
      ? [...rest, { sign: 1, factors: [next], matrix: null, from: "next" }]
      : rest;
  }

  // `at` is the truncation and the loss, {back, loss}; by default those that are shown.
  function factorValue(factor, at = {}) {
    const { key, l, t } = factor;
    if (factor.d) return data.derivative(key, l, t, { across: factor.across, ...at });
    const value = data.value(key, l, t);
    if (!value) return null;
    if (factor.complement) return value.map((entry) => 1 - entry);
    if (factor.reciprocal) return value.map((entry) => 1 / entry);
    if (factor.slope) return value.map(SLOPES[factor.slope]);
    return value;
  }
  const SLOPES = { sigmoid: (s) => s * (1 - s), tanh: (s) => 1 - s * s, relu: (s) => (s > 0 ? 1 : 0) };

  function matrixOf(term) {
    const { letter, l, gate } = term.matrix;
    const matrix = data.param(letter, l, gate);
    return term.transposed ? data.transposed(matrix) : matrix;
  }

  // The vector that multiplies the matrix, or all of the term where there is none.
  function product(term, at = {}) {
    const values = term.factors.map((factor) => factorValue(factor, at));
    if (term.peephole) values.unshift(data.param("p", term.peephole.l, term.peephole.row));
    if (values.some((value) => value === null)) return null;
    return values[0].map((_, j) => values.reduce((result, value) => result * value[j], term.sign));
  }

  function termValue(term, at = {}) {
    if (term.bias) return data.param(term.bias.letter, term.bias.l, term.bias.gate);
    if (!term.matrix) return product(term, at);
    const { letter, l, gate } = term.matrix;
    const multiply = term.transposed ? data.timesTransposed : data.times;
    return multiply(product(term, at), data.param(letter, l, gate));
  }

  // A derivative by the chain rule, from the scores down, where the page does not carry what makes it up.
  function computed(key, l, k, at) {
    if (key === "logits") return scores(k, at);
    const previous = key.endsWith("_prev");
    const all = previous ? cells.readers(key.slice(0, -5), l, k - 1).map(through) : terms(key, l, k);
    if (!cells.known || !all) return null;
    // A state that no step reads: nothing is sent to the one before.
    if (previous && !cells.passed.includes(key.slice(0, -5)) && !cells.products)
      return new Array(page.data.sizes.H).fill(0);
    const parts = (previous ? all.filter((term) => term.from === "next") : all).map((term) =>
      termValue(term, at),
    );
    return parts.length === 0 || parts.includes(null) ? null : data.summed(parts, parts[0].length);
  }

  function scores(k, { loss }) {
    const p = data.value("p", null, k);
    const weight = loss === null ? 1 / page.data.sizes.T : Number(loss === k);
    return p && p.map((entry, i) => weight * (entry - Number(i === page.data.steps[k].target_id)));
  }

  return { placed, through, terms, factorValue, matrixOf, product, termValue, computed };
})();
