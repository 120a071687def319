// What each loss sends to each state: |dL_t/dh_k| as a table, what truncation cuts off, and one path of it.

const heat = (() => {
  const { el, t: words } = page;
  const { sent, cut, sizes, steps } = page.data;
  const { T, L } = sizes;
  const table = document.getElementById("heat");
  let layer = L - 1;
  let entries = []; // of the table, those that are not void

  const reached = (t, k) => k <= t && k > t - state.now.back;
  const word = (t) => symbols.short(things.shown(steps[t].word, steps[t].token), 6);

  // Colour by powers of ten, from the smallest to the largest, at most six of them.
  function shades() {
    const lengths = sent[layer].flat().filter((size) => size > 0);
    const [least, most] = [Math.min(...lengths), Math.max(...lengths)];
    const decades = Math.min(6, Math.max(1, Math.log10(most / least)));
    return (size) => {
      const share = size > 0 ? Math.max(0, 1 + Math.log10(size / most) / decades) : 0;
      const depth = Math.round(4 + (tables.DEEPEST - 4) * share);
      return `background-color:color-mix(in srgb, var(--cool) ${depth}%, transparent)`;
    };
  }

  // The table as a whole: when the language or the layer changes.
  function build() {
    const shade = shades();
    entries = [];
    const head = el(
      "tr",
      {},
      el("td", {}),
      ...steps.map((_, k) =>
        el(
          "th",
          { scope: "col" },
          symbols.typeset(symbols.vector("h", layer, k)),
          el("br"),
          el("bdi", { class: "muted" }, word(k)),
        ),
      ),
    );
    const rows = steps.map((_, t) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, symbols.typeset(`L_{${t}}`)),
        ...steps.map((__, k) => (k > t ? el("td", { class: "void" }) : entry(t, k, shade))),
      ),
    );
    const focus = table.contains(document.activeElement);
    table.replaceChildren(
      el(
        "caption",
        {},
        symbols.typeset(`|∂L_{t} / ∂${symbols.vector("h", layer, "k")}| `),
        words("heat_caption"),
      ),
      el("thead", {}, head),
      el("tbody", {}, ...rows),
    );
    draw();
    const first = table.querySelector('[aria-pressed="true"]') || table.querySelector("button");
    first.tabIndex = 0;
    if (focus) first.focus();
  }

  function entry(t, k, shade) {
    const size = sent[layer][t][k];
    const text =
      size === 0
        ? "0"
        : size >= 0.0995
          ? size.toFixed(2)
          : size >= 0.001
            ? size.toFixed(3)
            : symbols.minus(size.toExponential(0));
    const button = el("button", { type: "button", tabindex: "-1", "data-t": t, "data-k": k }, text);
    const cell = el("td", { style: shade(size) }, button);
    entries.push({
      t,
      k,
      cell,
      button,
      said: words("heat_entry", { t, k, size: symbols.number(size) }),
      near: null,
    });
    return cell;
  }

  // What changes with the truncation and the choice.
  function draw() {
    const { path } = state.now;
    for (const made of entries) {
      const near = reached(made.t, made.k);
      const chosen = path !== null && path.t === made.t && path.k === made.k && path.l === layer;
      if (near !== made.near) {
        made.near = near;
        made.cell.className = near ? "" : "cut";
        made.cell.dataset.cut = String(!near);
        made.button.setAttribute(
          "aria-label",
          near ? made.said : made.said + words("comma") + words("is_cut"),
        );
      }
      made.button.setAttribute("aria-pressed", String(chosen));
    }
    missing();
    showPath();
  }

  // What the truncation leaves out of the derivatives of U and W.
  function missing() {
    const row = cut[state.now.back - 1];
    const names = Object.keys(row).filter((name) => /\.[UW]$/.test(name));
    document.getElementById("missing").replaceChildren(
      el("caption", {}, words("missing_caption", { back: state.now.back })),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("td", {}),
          el("th", { scope: "col" }, words("missing")),
          el("th", { scope: "col" }, words("cosine")),
        ),
      ),
      el(
        "tbody",
        {},
        ...names.map((name) => {
          const [, l, letter] = name.split(".");
          const { missing: share, cosine } = row[name];
          return el(
            "tr",
            { "data-param": name },
            el(
              "th",
              { scope: "row" },
              symbols.typeset(`d${symbols.param(letter, Number(l), 0).replace(/_\{[^}]*\}/, "")}`),
            ),
            el("td", {}, share === null ? "–" : `${(100 * share).toFixed(1)} %`),
            el("td", {}, cosine === null ? "–" : symbols.minus(cosine.toFixed(4))),
          );
        }),
      ),
    );
  }

  // The vector of the chosen cell, and its length from step to step.
  function showPath() {
    const box = document.getElementById("path");
    if (state.now.path === null) {
      box.replaceChildren(el("p", { class: "muted" }, words("path_hint")));
      return;
    }
    const { l, t, k } = state.now.path;
    const name = `∂L_{${t}} / ∂${symbols.vector("h", l, k)}`;
    const values = data.sentBy("h", l, t, k);
    const steps = Array.from({ length: t - k + 1 }, (_, i) => t - i);
    const walk = steps.flatMap((step, i) => [
      i ? " → " : "",
      el(
        "span",
        { class: "step" },
        symbols.typeset(`|∂L_{${t}}/∂${symbols.vector("h", l, step)}| = `),
        symbols.number(sent[l][t][step]),
      ),
    ]);
    const far = sent[l][t][t];
    box.replaceChildren(
      el("h3", {}, symbols.typeset(name)),
      el(
        "p",
        {},
        words(t === k ? "path_here" : "path_words", {
          t,
          k,
          lag: t - k,
          share: far ? `${((100 * sent[l][t][k]) / far).toPrecision(3)} %` : "–",
        }),
      ),
      ...(reached(t, k)
        ? []
        : [el("p", { class: "note" }, words("path_cut", { t, k, back: state.now.back }))]),
      values
        ? tables.vectors([{ kind: "sum", head: symbols.typeset(name), name: "path", values }], {
            names: parts.units(values.length),
            caption: symbols.plain(name),
          })
        : el("p", { class: "muted" }, words("left_out")),
      el("p", { class: "small walk" }, ...walk),
    );
  }

  function choose(t, k) {
    state.set({ path: { l: layer, t, k }, mode: "backward" });
  }

  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(Number(button.dataset.t), Number(button.dataset.k));
  });

  // Arrow keys walk through the table.
  table.addEventListener("keydown", (event) => {
    const button = event.target.closest("button");
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!button || !move) return;
    const next = table.querySelector(
      `button[data-t="${Number(button.dataset.t) + move[0]}"][data-k="${Number(button.dataset.k) + move[1]}"]`,
    );
    event.preventDefault();
    if (!next) return;
    button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // Which layer, where there are several.
  function layers() {
    const box = document.getElementById("heat-layers");
    box.hidden = L === 1;
    box.replaceChildren(
      ...Array.from({ length: L }, (_, l) =>
        el(
          "button",
          {
            type: "button",
            onclick: () => {
              layer = l;
              pressed();
              build();
            },
          },
          words("row_layer", { l }),
        ),
      ),
    );
    pressed();
  }

  // The buttons stay, so that the focus does.
  function pressed() {
    for (const [l, button] of [...document.querySelectorAll("#heat-layers button")].entries())
      button.setAttribute("aria-pressed", String(l === layer));
  }

  return { build, draw, layers };
})();
