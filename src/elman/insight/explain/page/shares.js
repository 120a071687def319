// How a derivative becomes shares of the parameters: of U, W, b and V, at one step.

const shares = (() => {
  const { el, t: words } = page;
  const { gates, sizes } = page.data;
  const { L, H } = sizes;
  const heading = (key, values) => el("h3", {}, words(key, values));

  // How what comes back to a cell is shared out among the parameters: a length each.
  const SHORT = { b_candidate: "b_{cand}", U_skip: "U_{skip}" };
  function ofCell(thing) {
    const names = Object.keys(page.data.params).filter((name) => name.startsWith(`layers.${thing.l}.`));
    const rows = names.map((name) => [name, data.norm(flat(data.share(name, thing.t)))]);
    return [
      heading("shares"),
      el("p", {}, words("shares_words")),
      el(
        "table",
        {},
        el(
          "tbody",
          {},
          ...rows.map(([name, length]) =>
            el(
              "tr",
              { "data-share": name },
              el(
                "th",
                { scope: "row" },
                symbols.typeset(`|d${SHORT[name.split(".")[2]] || name.split(".")[2]}|`),
              ),
              el("td", {}, symbols.number(length)),
            ),
          ),
        ),
      ),
    ];
  }

  const flat = (share) => (share === null || share.flat(2).includes(null) ? null : share.flat(3));

  // A sum before its function: how its derivative becomes shares of U, W and b.
  function ofSum(thing) {
    const isProduct = thing.key === "m";
    if (!isProduct && !thing.key.startsWith("a_")) return [];
    const gate = isProduct ? gates.length - 1 : gates.indexOf(thing.key.slice(2));
    const own = cells.gatedProduct && gate === gates.length - 1;
    const made = [heading("shares"), el("p", {}, words("shares_words"))];
    if (!isProduct) made.push(...share("U", thing, gate), ...biasShare("b", thing, gate));
    if (cells.products && (isProduct || !own)) made.push(...share("W", thing, gate));
    if (isProduct && cells.hasCandidateBias) made.push(...biasShare("b_candidate", thing, gate));
    page.data.peepholes.forEach(([of, seen], row) => {
      if (!isProduct && of === gates[gate]) made.push(...peepholeShare(thing, row, seen));
    });
    return made;
  }

  function biasShare(letter, { key, l, t }, gate) {
    const values = data.derivative(key, l, t);
    return vectorShare(symbols.param(letter, l, gate), symbols.derivative(key, l, t), "share-b", values);
  }

  function peepholeShare({ key, l, t }, row, seen) {
    const made = `${symbols.derivative(key, l, t)} ⊙ ${symbols.vector(seen, l, t)}`;
    const values = data.multiplied(data.derivative(key, l, t), data.value(seen, l, t));
    return vectorShare(symbols.param("p", l, row), made, "share-p", values);
  }

  function vectorShare(param, made, name, values) {
    const text = `d${param}: ${made}`;
    const row = [{ kind: "sum", head: symbols.typeset(`d${param}`), name, values }];
    return [
      parts.formula(text),
      tables.vectors(row, {
        names: parts.units(H),
        caption: words("table_of", { what: symbols.plain(text) }),
      }),
    ];
  }

  // The share of a step in dU, dW or dV: what entered, as a column, times the derivative, as a row.
  function share(letter, thing, gate) {
    const { t } = thing;
    const l = thing.l ?? L - 1;
    const entering = { U: "x", U_skip: "x", W: page.data.reads[gate], V: "h" }[letter];
    const leaving =
      letter === "V"
        ? "logits"
        : letter === "U_skip"
          ? "s"
        : letter === "W" && cells.gatedProduct && gate === gates.length - 1
          ? "m"
          : `a_${gates[gate]}`;
    const [left, right] = [data.value(entering, l, t), data.derivative(leaving, l, t)];
    const dleaving = symbols.derivative(leaving, l, t);
    const name = symbols.param(letter, l, gate);
    const text = `d${name}: ${symbols.vector(entering, l, t)}^{⊤} ${dleaving}`;
    const entries = data.outer(left, right);
    return [
      parts.formula(text),
      tables.matrix(entries, {
        heads: (left || []).map((entry, i) => label(symbols.vector(entering, l, t), i, entry)),
        names: (right || []).map((entry, j) => label(dleaving, parts.names(leaving, right.length)[j], entry)),
        caption: words("share_of", { what: symbols.plain(`d${name}`), t }),
        unit: null,
      }),
    ];
  }

  // A row or column of a matrix by what multiplies it.
  function label(text, i, entry) {
    return el(
      "span",
      { class: "by" },
      symbols.typeset(text),
      `[${i}]`,
      el("br"),
      el("span", { class: "muted" }, symbols.number(entry)),
    );
  }

  return { ofCell, ofSum, share, label };
})();
