// What the page shows now. Everything else is computed from this and from page.data.

const state = (() => {
  const T = page.data.sizes.T;
  const now = {
    mode: "forward", // or "backward"
    back: page.data.truncate === null ? T : Math.min(page.data.truncate, T), // steps each loss reaches back
    loss: null, // the one loss whose derivative is shown; null: the mean of all
    chosen: "0/in/word", // a thing of things.js
    path: null, // {l, t, k}: a cell of the heat map
    unit: null, // the unit written out in the panel
    gate: 0, // whose matrix is shown, where an arrow has one for each gate
    open: new Set(), // the steps whose cells are open
    openAll: false,
  };
  const listeners = [];

  // Change some of it, and tell those who show it which parts changed.
  function set(changes) {
    const changed = Object.keys(changes).filter((key) => now[key] !== changes[key]);
    if (changed.length === 0) return;
    Object.assign(now, changes);
    for (const listener of listeners) listener(new Set(changed));
  }

  return { now, set, onChange: (listener) => listeners.push(listener) };
})();
