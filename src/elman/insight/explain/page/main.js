// All of it put together: what is chosen by mouse and keyboard, and what is drawn anew when something changes.

const main = (() => {
  const { el, t: words } = page;
  const { T, L, K, D, H } = page.data.sizes;
  const find = (id) => document.getElementById(id);
  const picture = find("network");

  function choose(id) {
    player.stop();
    state.set({ chosen: id, unit: null });
  }

  // Open the cells of a step, or close them; what stands after them moves, so the chosen one is kept in view.
  function open(t) {
    const now = new Set(state.now.open);
    if (!now.delete(t)) now.add(t);
    const place = things.parse(state.now.chosen);
    state.set({
      open: now,
      chosen:
        place.t === t && place.l !== null && !["U", "W"].includes(place.key)
          ? `${t}/${place.l}/cell`
          : state.now.chosen,
    });
    network.reveal(state.now.chosen);
  }

  picture.addEventListener("click", (event) => {
    const node = event.target.closest("[data-id]");
    if (!node) return;
    const { id } = node.dataset;
    const thing = things.parse(id);
    if (id === state.now.chosen && thing.key === "cell" && !state.now.openAll) open(thing.t);
    else choose(id);
    network.node(id)?.focus({ preventScroll: true });
  });

  // In the drawing: up and down along a step, left and right from step to step.
  picture.addEventListener("keydown", (event) => {
    const node = event.target.closest("[data-id]");
    if (!node) return;
    const { id } = node.dataset;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      node.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      return;
    }
    const target = neighbour(id, event.key);
    if (target === undefined) return;
    event.preventDefault();
    const next = network.node(target);
    if (!next) return;
    node.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus({ preventScroll: true });
    network.reveal(target);
  });

  // Where a key leads: undefined for a key that leads nowhere by itself, null at the edge.
  function neighbour(id, key) {
    const { t, place } = things.parse(id);
    const column = things.column(t);
    const index = column.indexOf(id);
    if (key === "ArrowUp") return column[index + 1] ?? null;
    if (key === "ArrowDown") return column[index - 1] ?? null;
    if (key === "Home") return `0/in/word`;
    if (key === "End") return `${T - 1}/in/word`;
    const step = { ArrowLeft: t - 1, ArrowRight: t + 1 }[key];
    if (step === undefined) return undefined;
    if (step < 0 || step >= T) return null;
    const same = id.replace(/^\d+/, step);
    return network.node(same) ? same : `${step}/${place}/cell`;
  }

  function controls() {
    for (const button of document.querySelectorAll("[data-mode]"))
      button.setAttribute("aria-pressed", String(button.dataset.mode === state.now.mode));
    for (const node of document.querySelectorAll("[data-only]"))
      node.hidden = node.dataset.only !== state.now.mode;
    find("back").value = state.now.back;
    const text = words(state.now.back >= T ? "back_all" : "back_some", { back: state.now.back });
    find("back-text").textContent = text;
    find("back").setAttribute("aria-valuetext", text);
    find("loss").value = state.now.loss === null ? "" : String(state.now.loss);
    find("open-all").checked = state.now.openAll;
    find("legend-strands").hidden =
      T > network.STRANDS || T === 1 || state.now.loss !== null || !data.complete();
    find("lead").textContent = words(state.now.mode === "forward" ? "lead_forward" : "lead_backward");
  }

  // What is said once: of the model, of words it does not know, of arrays that were left out.
  function about() {
    const { cell, loss, perplexity, source, sentence, steps, omitted } = page.data;
    const unknown = [...new Set(steps.filter((step) => step.unknown).map((step) => step.word))];
    const letters = T > 1 && steps.every((step) => [...step.word].length === 1);
    const said = source[page.language] ?? source; // in both languages, or a text as it is
    const named = omitted.filter((name) => name !== "each" || !data.complete());
    find("sentence").textContent = sentence;
    find("about").replaceChildren(
      el(
        "p",
        {},
        words(L === 1 ? "about_one" : "about_many", {
          cell,
          L,
          D,
          H,
          K,
          T,
          loss: symbols.number(loss),
          perplexity: symbols.number(perplexity),
        }),
      ),
      ...(letters ? [el("p", {}, words("about_letters"))] : []),
      ...(said ? [el("p", { class: "muted" }, words("source"), " ", el("bdi", {}, said))] : []),
      ...(unknown.length
        ? [el("p", {}, words("unknown_words"), " ", el("bdi", {}, unknown.map(symbols.token).join(" ")))]
        : []),
      ...(named.length
        ? [
            el(
              "p",
              { class: "note", "data-note": "omitted" },
              words("omitted"),
              " ",
              el("code", {}, named.join(", ")),
            ),
          ]
        : []),
      ...(!data.complete()
        ? [el("p", { class: "note" }, words("omitted_each", { back: page.data.truncate ?? T }))]
        : []),
    );
    const choice = find("loss");
    choice.replaceChildren(
      el("option", { value: "" }, words("all_losses")),
      ...steps.map((step) =>
        el("option", { value: step.step }, `L${step.step} · ${things.shown(step.target, step.target_token)}`),
      ),
    );
  }

  for (const button of document.querySelectorAll("[data-mode]"))
    button.addEventListener("click", () => {
      player.stop();
      const { mode } = button.dataset;
      // From the first word, where the way back ends, it is begun at its beginning.
      const turned = mode === "backward" && state.now.mode !== mode && state.now.chosen === player.first("forward");
      state.set(turned ? { mode, chosen: player.first(mode), unit: null } : { mode });
      if (turned) network.reveal(state.now.chosen);
    });
  find("back").max = T;
  find("back").addEventListener("input", (event) => state.set({ back: Number(event.target.value) }));
  find("loss").addEventListener("change", (event) =>
    state.set({ loss: event.target.value === "" ? null : Number(event.target.value) }),
  );
  find("open-all").addEventListener("change", (event) => openAll(event.target.checked));

  function openAll(all) {
    const thing = things.parse(state.now.chosen);
    const hidden =
      !all && thing.l !== null && !["U", "W", "cell"].includes(thing.key) && !thing.key.endsWith("_prev");
    state.set({
      openAll: all,
      open: new Set(),
      chosen: hidden ? `${thing.t}/${thing.l}/cell` : state.now.chosen,
    });
    network.reveal(state.now.chosen);
  }

  const DRAWN = ["mode", "back", "loss", "open", "openAll"];
  state.onChange((changed) => {
    const has = (...names) => names.some((name) => changed.has(name));
    controls();
    if (has(...DRAWN)) network.draw();
    else if (has("chosen", "path")) network.mark();
    if (has(...DRAWN, "chosen", "unit", "gate")) panel.show();
    if (state.now.mode === "backward" && has("mode", "back", "path")) heat.draw();
    if (has("chosen", "mode")) player.say();
  });

  page.onChange(() => {
    about();
    controls();
    network.draw();
    panel.show();
    heat.layers();
    heat.build();
    player.show();
    player.say();
  });

  return { open };
})();

page.start();
