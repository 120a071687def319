// Parts of the panel: formulas in symbols, and filled in.

const parts = (() => {
  const { el } = page;
  const TERMS = 12; // of a sum written out; of a longer one the largest
  const units = (n) => Array.from({ length: n }, (_, j) => String(j));
  const tokens = () => (page.data.vocabulary || []).map((token) => symbols.short(token, 8));

  const names = (key, n) => (key === "logits" || key === "p" ? tokens() : units(n));

  function formula(text) {
    return el(
      "p",
      { class: "formula", role: "math", "aria-label": symbols.plain(text) },
      symbols.typeset(text),
    );
  }

  // A sum of terms, in symbols and as rows of numbers, and one unit of it written out.
  // `result` is {text, key, values}; `groups` gives terms a heading by where they come from.
  function sum(terms, result, { fn = null, groups = false, factor = null } = {}) {
    const rows = [];
    let group = null;
    terms.forEach((term, i) => {
      if (groups && term.from !== group) {
        group = term.from;
        rows.push({ kind: "group", head: page.t(`from_${group}`, { t: term.factors[0].t }) });
      }
      const sign = term.sign < 0 ? "−" : i > 0 ? "+" : "";
      const values = backward.termValue(term);
      rows.push({
        kind: "term",
        sign,
        head: symbols.typeset(symbols.term(term)),
        values: term.sign < 0 && values ? values.map((entry) => -entry) : values,
      });
    });
    rows.push({
      kind: "sum",
      sign: terms.length ? "=" : "",
      name: result.text,
      head: symbols.typeset(result.text),
      values: result.values,
    });
    const shown = result.values || rows.map((row) => row.values).find(Boolean) || [];
    const top = el("div", {});
    const render = (unit) => {
      const table = tables.vectors(rows, {
        names: names(result.key, shown.length),
        caption: page.t("table_of", { what: symbols.plain(result.text) }),
        unit,
        onUnit: (j) => state.set({ unit: j }),
      });
      const out =
        unit !== null && unit < shown.length && result.values
          ? [written(terms, result, fn, unit, factor)]
          : [];
      top.replaceChildren(table, ...out);
    };
    render(state.now.unit);
    return top;
  }

  // One unit of a sum, term by term.
  function written(terms, result, fn, unit, factor) {
    const scalars = terms.flatMap((term) => scalarTerms(term, unit, fn !== null));
    if (scalars.some((entry) => entry === null)) return el("p", { class: "muted" }, page.t("left_out"));
    const shown =
      scalars.length > TERMS
        ? [...scalars].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, TERMS - 2)
        : scalars;
    const rest = scalars.filter((entry) => !shown.includes(entry));
    const open = fn ? `${symbols.FUNCTIONS[fn]}(` : "";
    const close = fn ? ")" : "";
    const index = names(result.key, result.values.length)[unit];
    const name = page.el("span", {}, symbols.typeset(result.text), `[${index}]`);
    const line = (write) =>
      shown.map((entry, i) => `${entry.sign < 0 ? "− " : i > 0 ? "+ " : ""}${write(entry)}`).join(" ");
    const left = symbols.number(rest.reduce((total, entry) => total + entry.value, 0));
    const remainder = rest.length
      ? ` + ${page.t("others", { n: rest.length, sum: left })}`
      : "";
    return el(
      "div",
      { class: "written", "data-written": unit },
      el(
        "p",
        {},
        name,
        " = ",
        open,
        symbols.typeset(line((entry) => entry.text)),
        rest.length ? " + …" : "",
        close,
      ),
      el("p", {}, "= ", `${open}${line((entry) => entry.numbers)}${remainder}${close}`),
      el("p", {}, "= ", el("b", {}, symbols.number(result.values[unit])), factor ? ` ${factor}` : ""),
    );
  }

  const bracketed = (value) => (value < 0 ? `(${symbols.number(value)})` : symbols.number(value));

  function scalarTerms(term, j, alone) {
    if (term.bias) {
      const vector = backward.termValue(term);
      return vector
        ? [{ sign: 1, text: `${symbols.term(term)}[${j}]`, numbers: bracketed(vector[j]), value: vector[j] }]
        : [null];
    }
    const values = term.factors.map((factor) => backward.factorValue(factor));
    if (values.some((value) => value === null)) return [null];
    if (!term.matrix) {
      const names = term.factors.map((factor) => symbols.factor(factor, `[${j}]`));
      if (term.peephole) {
        values.unshift(data.param("p", term.peephole.l, term.peephole.row));
        names.unshift(`${symbols.param("p", term.peephole.l, term.peephole.row)}[${j}]`);
      }
      if (values.includes(null)) return [null];
      const value = values.reduce((result, vector) => result * vector[j], term.sign);
      return [
        {
          sign: term.sign,
          text: names.join(" · "),
          numbers: values
            .map((vector) => (alone ? symbols.number(vector[j]) : bracketed(vector[j])))
            .join(" · "),
          value,
        },
      ];
    }
    const matrix = backward.matrixOf(term);
    if (!matrix) return [null];
    const [name, letter] = [
      term.factors.map((factor) => symbols.factor(factor)).join(" ⊙ "),
      symbols.matrix(term),
    ];
    return backward.product(term).map((entry, i) => ({
      sign: 1,
      text: `${name}[${i}] · ${letter}[${i},${j}]`,
      numbers: `${bracketed(entry)} · ${bracketed(matrix[i][j])}`,
      value: entry * matrix[i][j],
    }));
  }

  // A product of vectors, element by element, or a function of one: its factors above it.
  function factors(term, made = null) {
    const { row, l } = term.peephole || {};
    const weights = term.peephole ? [[symbols.param("p", l, row), data.param("p", l, row)]] : [];
    const each = term.factors.map((factor) => [symbols.factor(factor), backward.factorValue(factor)]);
    const rows = [...weights, ...each].map(([text, values], i) => ({
      kind: "term",
      sign: i ? "⊙" : "",
      head: symbols.typeset(text),
      values,
    }));
    const text = made
      ? symbols.vector(made.key, made.l, made.t)
      : `${term.sign < 0 ? "− " : ""}${symbols.term(term)}`;
    const values = made ? data.value(made.key, made.l, made.t) : backward.termValue(term);
    rows.push({ kind: "sum", sign: "=", head: symbols.typeset(text), name: "sent", values });
    return tables.vectors(rows, {
      names: units((values || []).length),
      caption: page.t("table_of", { what: symbols.plain(text) }),
    });
  }

  // What a function does, or its slope, in a line.
  const note = (kind, made) =>
    made && made.fn ? [el("p", { class: "muted small" }, page.t(`${kind}_${made.fn}`))] : [];

  // A value: its formula, and what it is made of.
  function value(key, l, t) {
    const made = cells.definition(key);
    const values = data.value(key, l, t);
    const text = symbols.vector(key, l, t);
    if (!made || (made.open && !values)) {
      const rows = [{ kind: "sum", head: symbols.typeset(text), values, name: text }];
      return [
        el("p", { class: "muted" }, page.t("own_code")),
        tables.vectors(rows, {
          names: units((values || []).length),
          caption: page.t("table_of", { what: symbols.plain(text) }),
        }),
      ];
    }
    const terms = made.terms.map((term) => backward.placed(term, l, t));
    return [
      formula(symbols.formula(key, l, t)),
      ...note("fn", made),
      sum(terms, { text, key, values }, { fn: made.fn }),
    ];
  }

  // The derivative by a value: what comes back along each arrow that leaves it.
  function derivative(key, l, t) {
    const text = symbols.derivative(key, l, t);
    const terms = backward.terms(key, l, t);
    const values = data.derivative(key, l, t);
    if (!values && !(key in { logits: 1 }))
      return [
        el("p", { class: "muted" }, page.t("only_at", { back: page.data.truncate ?? page.data.sizes.T })),
      ];
    const kept = terms && terms.filter((term) => term.from !== "next" || data.crossing(t + 1).length > 0);
    const cut = terms && kept.length < terms.length;
    if (!terms || terms.length === 0) {
      return [
        tables.vectors([{ kind: "sum", head: symbols.typeset(text), values, name: text }], {
          names: names(key, values.length),
          caption: page.t("table_of", { what: symbols.plain(text) }),
        }),
      ];
    }
    const made = [formula(`${text} = ${kept.length ? symbols.sum(kept) : "0"}`)];
    if (key.startsWith("a_") || key === "c")
      made.push(...note("slope", cells.definition(key === "c" ? "u" : key.slice(2))));
    if (cut) made.push(el("p", { class: "note", "data-note": "cut" }, page.t("next_cut", { t: t + 1 })));
    made.push(sum(kept, { text, key, values }, { groups: key === "h" || key === "c" }));
    return made;
  }

  return { formula, factors, value, derivative, units, names };
})();
