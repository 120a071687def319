// Step by step: forward through every value of every step, then backward.

const player = (() => {
  const { t: words } = page;
  const { T } = page.data.sizes;
  const BASE = 1800; // milliseconds for one value at speed 1
  const button = document.getElementById("play");
  const speed = document.getElementById("speed");
  const now = document.getElementById("now");
  let timer = null;

  function order() {
    const forward = Array.from({ length: T }, (_, t) => things.values(t)).flat();
    return [
      ...forward.map((id) => ({ mode: "forward", id })),
      ...forward
        .slice()
        .reverse()
        .map((id) => ({ mode: "backward", id })),
    ];
  }

  // Where a pass begins: at the first word, and on the way back at the last loss.
  const first = (mode) => order().find((entry) => entry.mode === mode).id;

  // Where in the order the page stands; an arrow counts as the value it leads to.
  function position(all) {
    const { mode, chosen } = state.now;
    const exact = all.findIndex((entry) => entry.mode === mode && entry.id === chosen);
    if (exact >= 0) return exact;
    const column = things.column(things.parse(chosen).t);
    const start = column.indexOf(chosen);
    const next = column.slice(start).find((id) => all.some((entry) => entry.id === id)) ?? chosen;
    return all.findIndex((entry) => entry.mode === mode && entry.id === next);
  }

  function move(by) {
    const all = order();
    const next = position(all) + by;
    if (next < 0 || next >= all.length) return false;
    state.set({ mode: all[next].mode, chosen: all[next].id, unit: null });
    network.reveal(all[next].id);
    return true;
  }

  function play() {
    if (timer !== null) {
      stop();
      return;
    }
    const all = order();
    if (position(all) === all.length - 1) state.set({ chosen: first(state.now.mode), unit: null });
    timer = setInterval(
      () => {
        if (!move(1)) stop();
      },
      BASE / Number(speed.value),
    );
    show();
  }

  function stop() {
    clearInterval(timer);
    if (timer === null) return;
    timer = null;
    show();
    say();
  }

  function show() {
    button.textContent = words(timer === null ? "play" : "pause");
    button.setAttribute("data-playing", String(timer !== null));
    // While it plays, a screen reader would never come to the end of a sentence: it is told where it stopped.
    now.setAttribute("aria-live", timer === null ? "polite" : "off");
  }

  // What the live region says: where we are, and what is seen.
  function say() {
    const all = order();
    const thing = things.parse(state.now.chosen);
    const where = words(state.now.mode === "forward" ? "now_forward" : "now_backward", {
      t: thing.t,
      T,
      i: position(all) + 1,
      n: all.length,
    });
    now.textContent = words("now", {
      where,
      name: things.name(thing),
      words: things.words(thing)[0],
    });
  }

  button.addEventListener("click", play);
  speed.addEventListener("change", () => {
    if (timer !== null) {
      stop();
      play();
    }
  });
  document.getElementById("next").addEventListener("click", () => {
    stop();
    move(1);
  });
  document.getElementById("previous").addEventListener("click", () => {
    stop();
    move(-1);
  });

  return { show, say, stop, order, first };
})();
