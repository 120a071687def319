// What flows back: the chain rule through the definitions of cells.js, read from right to left.
//
// If y is a sum of terms and x a factor of one of them, x gets dy times the other factors of that term; through
// a matrix M, dy M transposed; through a function, dy times its slope. dx is the sum over all that reads x.
//
// A factor here is {key, l, t} and, of these, d (the derivative by it), crossing (of what goes to the step before),
// complement (1 - it), slope (the slope of a function where its value is it). A term is {sign, factors, matrix,
// transposed, from}.

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
      })),
      matrix: term.matrix ? { ...term.matrix, l } : null,
      bias: term.bias ? { letter: term.bias, gate: term.gate, l } : null,
      transposed: false,
    };
  }

  // What a value gets from one of its readers.
  function through(reader) {
    const { key, l, t, term, place, from } = reader;
    const crossing = from === "next";
    const whole = placed(term, l, t);
    const dy = { key, l, t, d: true, crossing };
    const fn = (cells.definition(key) || {}).fn;
    const slope = fn ? [{ key, l, t, slope: fn }] : [];
    return {
      sign: whole.factors[place].complement ? -1 : 1,
      factors: [dy, ...(fn ? slope : whole.factors.filter((_, i) => i !== place))],
      matrix: whole.matrix,
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

  function factorValue(factor) {
    if (factor.d) return data.derivative(factor.key, factor.l, factor.t, { crossing: factor.crossing });
    const value = data.value(factor.key, factor.l, factor.t);
    if (!value) return null;
    if (factor.complement) return value.map((entry) => 1 - entry);
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
  function product(term) {
    const values = term.factors.map(factorValue);
    if (values.some((value) => value === null)) return null;
    return values[0].map((_, j) => values.reduce((result, value) => result * value[j], term.sign));
  }

  function termValue(term) {
    if (term.bias) return data.param(term.bias.letter, term.bias.l, term.bias.gate);
    return term.matrix ? data.times(product(term), matrixOf(term)) : product(term);
  }

  return { placed, through, terms, factorValue, matrixOf, product, termValue };
})();
