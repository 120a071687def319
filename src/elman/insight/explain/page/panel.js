// The panel of what is chosen: its name, what it is, its formula and its numbers.

const panel = (() => {
  const { el, t: words } = page;
  const { gates, steps, sizes } = page.data;
  const { T, L, D, H } = sizes;
  const box = document.getElementById("panel");

  function show() {
    const focused = box.contains(document.activeElement) ? document.activeElement : null;
    const again =
      focused &&
      ["data-unit", "data-gate", "data-act"]
        .map((name) => [name, focused.getAttribute(name)])
        .find(([, value]) => value !== null);
    const thing = things.parse(state.now.chosen);
    const title = things.name(thing);
    box.replaceChildren(
      el("h2", {}, title.charAt(0).toUpperCase() + title.slice(1)),
      el("p", { class: "muted small" }, things.where(thing)),
      ...things.words(thing).map((text) => el("p", { class: "words" }, text)),
      ...body(thing),
      ...called(thing),
    );
    if (again) box.querySelector(`[${again[0]}="${again[1]}"]`)?.focus();
  }

  const isBack = () => state.now.mode === "backward";
  const heading = (key, values) => el("h3", {}, words(key, values));

  function body(thing) {
    const kind = thing.edge || thing.key;
    if (kind in SPECIAL) return SPECIAL[kind](thing);
    if (thing.edge === "inner" || thing.edge === "memory") return along.values(thing);
    if (kind === "cell") return cell(thing);
    return isBack()
      ? [...parts.derivative(thing.key, thing.l, thing.t), ...shares.ofSum(thing)]
      : parts.value(thing.key, thing.l, thing.t);
  }

  const SPECIAL = {
    word,
    E: embedding,
    x: input,
    U: along.product,
    W: along.product,
    V: along.product,
    skip: along.product,
    logits: (thing) => (isBack() ? scores(thing) : parts.value("logits", L - 1, thing.t)),
    softmax: prediction.softmax,
    p: prediction.p,
    nll: prediction.nll,
    loss: prediction.loss,
  };

  function word(thing) {
    const step = steps[thing.t];
    if (isBack()) return embedding(thing);
    return [
      el(
        "dl",
        { class: "facts" },
        el("dt", {}, words("word")),
        el("dd", {}, el("bdi", {}, things.shown(step.word, step.token))),
        el("dt", {}, words("index")),
        el("dd", { "data-fact": "id" }, String(step.id)),
        el("dt", {}, words("next_word")),
        el("dd", {}, el("bdi", {}, things.shown(step.target, step.target_token))),
      ),
    ];
  }

  function embedding(thing) {
    const { t } = thing;
    const x = symbols.vector("x", 0, t);
    const row = [
      {
        kind: "sum",
        head: symbols.typeset(isBack() ? `d${x}` : x),
        name: isBack() ? `d${x}` : x,
        values: isBack() ? data.derivative("x", 0, t) : data.value("x", 0, t),
      },
    ];
    const text = isBack() ? `dE[${steps[t].id}] += d${x}` : `${x} = E[${steps[t].id}]`;
    return [
      parts.formula(text),
      tables.vectors(row, {
        names: parts.units(D),
        caption: words("table_of", { what: symbols.plain(text) }),
      }),
    ];
  }

  function input(thing) {
    return isBack() ? parts.derivative("x", 0, thing.t) : embedding(thing);
  }

  // A closed cell: all of its formulas, and its states; backward, the derivative by its state.
  function cell(thing) {
    const { l, t } = thing;
    const open = things.isOpen(t);
    const toggle = el(
      "button",
      { type: "button", "data-act": "open", onclick: () => main.open(t) },
      words(open ? "close_cell" : "open_cell"),
    );
    const buttons = state.now.openAll ? [] : [el("p", {}, toggle)];
    if (isBack()) return [...buttons, ...parts.derivative("h", l, t), ...shares.ofCell(thing)];
    const formulas = cells.definitions.map((made) => parts.formula(symbols.formula(made.key, l, t)));
    const rows = [
      ...cells.keys
        .filter((key) => key !== "m" && !key.startsWith("a_"))
        .map((key) => ({
          kind: key === "h" ? "sum" : "term",
          head: symbols.typeset(symbols.vector(key, l, t)),
          name: symbols.vector(key, l, t),
          values: data.value(key, l, t),
        })),
    ];
    const simple = cells.definitions.length <= 2 && cells.known;
    const filled = simple
      ? cells.definitions.flatMap((made) => parts.value(made.key, l, t))
      : [
          el("div", { class: "formulas" }, ...formulas),
          tables.vectors(rows, {
            names: parts.units(H),
            caption: words("table_of", { what: things.name(thing) }),
          }),
        ];
    return [...buttons, ...filled];
  }

  // Softmax and cross-entropy together.
  const scores = (thing) => prediction.back(thing);

  // How the command line shows the same numbers, where it has a name for them.
  function called(thing) {
    const letters = { U: "U", W: "W", V: page.data.tied ? null : "V", E: "E" };
    const key =
      thing.edge === null ? (thing.key === "cell" ? "h" : thing.key) : (letters[thing.edge] ?? null);
    const unnamed =
      ["word", "loss", null].includes(key) || (isBack() && (key === "p" || state.now.loss !== null));
    if (unnamed || (isBack() && /^\d+$/.test(key))) return [];
    const options = [`--what ${isBack() ? "d" : ""}${key}`];
    if (thing.edge === null || isBack()) options.push(`--step ${thing.t}`);
    if (L > 1 && (thing.l !== null || key === "x")) options.push(`--layer ${thing.l ?? 0}`);
    if (isBack() && state.now.back < T) options.push(`--truncate ${state.now.back}`);
    return [
      el(
        "p",
        { class: "muted small called" },
        words("called"),
        " ",
        el("code", {}, `elman explain … ${options.join(" ")}`),
      ),
    ];
  }

  return { show };
})();
