// The panel's parts for what stands on top: softmax, the prediction, the loss, and the way back through them.

const prediction = (() => {
  const { el, t: words } = page;
  const { steps, sizes } = page.data;
  const MOST = 16; // tokens in a table; of a larger vocabulary the likeliest

  // Which tokens are shown, the true one among them.
  function indices(t) {
    const { K } = sizes;
    if (K <= MOST && page.data.vocabulary) return Array.from({ length: K }, (_, i) => i);
    const likely = steps[t].top.map((entry) => entry.id);
    return likely.includes(steps[t].target_id) ? likely : [...likely, steps[t].target_id];
  }

  function nameOf(t, id) {
    if (page.data.vocabulary) return symbols.token(page.data.vocabulary[id]);
    const known = steps[t].top.find((entry) => entry.id === id);
    return symbols.token(known ? known.token : steps[t].target_token);
  }

  function probability(t, id) {
    const p = data.value("p", null, t);
    if (p) return p[id];
    const known = steps[t].top.find((entry) => entry.id === id);
    return known ? known.probability : steps[t].probability;
  }

  const row = (t, id, ...columns) =>
    el(
      "tr",
      { class: id === steps[t].target_id ? "target" : null, "data-token": id },
      el(
        "th",
        { scope: "row" },
        el("bdi", {}, nameOf(t, id)),
        id === steps[t].target_id ? ` ← ${words("true_next")}` : "",
      ),
      ...columns,
    );

  function table(caption, heads, rows) {
    return el(
      "div",
      { class: "scroll" },
      el(
        "table",
        { class: "numbers tokens" },
        el("caption", { class: "hidden-text" }, caption),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col" }, words("token")),
            ...heads.map((head) => el("th", { scope: "col" }, head)),
          ),
        ),
        el("tbody", {}, ...rows),
      ),
    );
  }

  function bar(share) {
    return el(
      "td",
      { class: "bar" },
      el("span", { class: "bar-fill", style: `width:${(100 * share).toFixed(1)}%` }),
      el("span", { class: "bar-text" }, symbols.number(share)),
    );
  }

  function p(thing) {
    if (state.now.mode === "backward") return passed(thing);
    const { t } = thing;
    const order = indices(t).sort((a, b) => probability(t, b) - probability(t, a));
    const text = `p_{${t}} = softmax(logits_{${t}})`;
    return [
      parts.formula(text),
      table(
        words("table_of", { what: symbols.plain(text) }),
        [words("probability")],
        order.map((id) => row(t, id, bar(probability(t, id)))),
      ),
    ];
  }

  function softmax(thing) {
    if (state.now.mode === "backward") return passed(thing);
    const { t } = thing;
    const logits = data.value("logits", null, t);
    const text = `p_{${t}} = exp(logits_{${t}}) / sum`;
    if (!logits) return p(thing);
    const total = logits.reduce((sum, entry) => sum + Math.exp(entry), 0);
    const cell = (entry) => el("td", {}, symbols.number(entry));
    const rows = indices(t).map((id) =>
      row(t, id, cell(logits[id]), cell(Math.exp(logits[id])), cell(probability(t, id))),
    );
    return [
      parts.formula(text),
      el("p", {}, words("softmax_sum", { sum: symbols.number(total) })),
      table(
        words("table_of", { what: symbols.plain(text) }),
        [words("score"), "exp", words("probability")],
        rows,
      ),
    ];
  }

  function lossFormula(t) {
    const step = steps[t];
    const token = things.shown(step.target, step.target_token);
    return el(
      "p",
      { class: "formula", "data-fact": "loss" },
      symbols.typeset(`L_{${t}} = −ln p_{${t}}`),
      "[",
      el("bdi", {}, token),
      "]",
      ` = −ln ${symbols.number(step.probability)} = `,
      el("b", {}, symbols.number(step.loss)),
    );
  }

  const nll = (thing) => (state.now.mode === "backward" ? passed(thing) : [lossFormula(thing.t)]);

  function loss(thing) {
    const { T } = sizes;
    const all =
      steps.length > 6 ? `L_{0} + … + L_{${T - 1}}` : steps.map((step) => `L_{${step.step}}`).join(" + ");
    const mean = `L = (${all}) / ${T}`;
    if (state.now.mode !== "backward") {
      return [
        lossFormula(thing.t),
        el("h3", {}, words("mean_heading")),
        parts.formula(mean),
        el(
          "p",
          {},
          "= ",
          el("b", {}, symbols.number(page.data.loss)),
          ` ${words("perplexity_is", { perplexity: symbols.number(page.data.perplexity) })}`,
        ),
      ];
    }
    const weight = state.now.loss === null ? 1 / T : Number(state.now.loss === thing.t);
    const whole = state.now.loss === null ? "L" : `L_{${state.now.loss}}`;
    return [
      parts.formula(
        `∂${whole} / ∂L_{${thing.t}} = ${state.now.loss === null ? `1/${T} = ` : ""}${symbols.number(weight)}`,
      ),
      ...passed(thing),
    ];
  }

  // dlogits = (p − onehot) / T.
  function passed(thing) {
    const { t } = thing;
    const weight = state.now.loss === null ? 1 / sizes.T : Number(state.now.loss === t);
    const by = state.now.loss === null ? `/ ${sizes.T}` : `· ${weight}`;
    const text = `dlogits_{${t}} = (p_{${t}} − onehot) ${by}`;
    const known = data.derivative("logits", null, t);
    const cell = (entry) => el("td", {}, symbols.number(entry));
    const rows = indices(t).map((id) => {
      const hot = Number(id === steps[t].target_id);
      const derivative = known ? known[id] : (probability(t, id) - hot) * weight;
      return row(
        t,
        id,
        cell(probability(t, id)),
        cell(hot),
        el(
          "td",
          { style: tables.tint(derivative, weight || 1), "data-dlogit": id },
          symbols.number(derivative),
        ),
      );
    });
    return [
      parts.formula(text),
      el("p", {}, words("onehot_words")),
      table(words("table_of", { what: symbols.plain(text) }), ["p", "onehot", "dlogits"], rows),
    ];
  }

  // And from the scores on: what goes to the state, and the shares of V and c.
  function back(thing) {
    return [
      ...passed(thing),
      el("h3", {}, words("shares")),
      el("p", {}, words("shares_words")),
      ...shares.share("V", { ...thing, l: null }, undefined),
      parts.formula(`dc: dlogits_{${thing.t}}`),
    ];
  }

  return { p, softmax, nll, loss, back };
})();
