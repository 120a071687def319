// What is within an open cell: where its values stand, in units of the drawing, from the upper left corner.
//
// `at` has the middle of each value's box; `ops` the small circles in which two values are multiplied on their
// way to a third, with the arrows that pass through them (`rises`: one from the rail of h below); `routes` the
// ways of arrows that go round others.

const inside = (() => {
  const BOX = { width: 50, height: 34 };
  const RAILS = { h: 30, x: 12 }; // above the lower edge: what h and x are led along
  const gates = page.data.gates;

  const PLANS = {
    rnn: { width: 132, height: 190, at: { a_h: [84, 122], h: [84, 44] }, ops: [] },
    lstm: {
      width: 322,
      height: 272,
      at: {
        a_f: [54, 200],
        a_i: [114, 200],
        a_g: [174, 200],
        a_o: [234, 200],
        f: [54, 138],
        i: [114, 138],
        g: [174, 138],
        o: [234, 138],
        c: [144, 44],
        u: [234, 44],
        h: [288, 92],
      },
      ops: [
        { at: [54, 44], to: "c", edges: ["c_prev>c", "f>c"] },
        { at: [144, 92], to: "c", edges: ["i>c", "g>c"] },
        { at: [234, 92], to: "h", edges: ["u>h", "o>h"] },
      ],
    },
    "lstm-coupled": {
      width: 262,
      height: 272,
      at: {
        a_i: [54, 200],
        a_g: [114, 200],
        a_o: [174, 200],
        i: [54, 138],
        g: [114, 138],
        o: [174, 138],
        c: [114, 44],
        u: [174, 44],
        h: [228, 92],
      },
      ops: [
        { at: [54, 44], to: "c", edges: ["c_prev>c", "i>c"], mark: "1−i" },
        { at: [114, 92], to: "c", edges: ["i>c", "g>c"] },
        { at: [174, 92], to: "h", edges: ["u>h", "o>h"] },
      ],
    },
    gru: {
      width: 296,
      height: 272,
      at: {
        a_z: [54, 200],
        a_r: [114, 200],
        m: [174, 200],
        a_n: [234, 200],
        z: [54, 138],
        r: [114, 149], // lower than its neighbours: the arrow of z to h passes above it
        n: [234, 138],
        h: [234, 38],
      },
      ops: [
        { at: [54, 38], to: "h", edges: ["z>h", "h_prev>h"] },
        { at: [234, 80], to: "h", edges: ["n>h", "z>h"], mark: "1−z" },
        { at: [174, 160], to: "a_n", edges: ["m>a_n", "r>a_n"] },
      ],
    },
    "gru-before": {
      width: 326,
      height: 272,
      at: {
        a_z: [54, 200],
        a_r: [114, 200],
        k: [174, 149],
        a_n: [264, 200],
        z: [54, 138],
        r: [114, 149],
        n: [264, 138],
        h: [264, 38],
      },
      ops: [
        { at: [54, 38], to: "h", edges: ["z>h", "h_prev>h"] },
        { at: [264, 80], to: "h", edges: ["n>h", "z>h"], mark: "1−z" },
        { at: [174, 200], to: "k", edges: ["r>k", "h_prev>k"], rises: true },
      ],
      routes: { "h_prev>k": [[174, 242], [174, 209]] },
    },
    mgu: {
      width: 232,
      height: 272,
      at: { a_f: [54, 200], m: [114, 200], a_n: [174, 200], f: [54, 138], n: [174, 138], h: [174, 44] },
      ops: [
        { at: [54, 44], to: "h", edges: ["f>h", "h_prev>h"], mark: "1−f" },
        { at: [174, 88], to: "h", edges: ["n>h", "f>h"] },
        { at: [114, 160], to: "a_n", edges: ["m>a_n", "f>a_n"] },
      ],
    },
  };

  // Cells without W: the state that a step reads of the one before comes in at the left, at the height of the new.
  PLANS.indrnn = { width: 132, height: 190, at: { a_h: [84, 122], h: [84, 44] }, ops: [] };
  PLANS.mingru = {
    width: 182,
    height: 272,
    at: { a_z: [54, 200], a_n: [124, 200], z: [54, 138], n: [124, 138], h: [124, 38] },
    ops: [
      { at: [54, 38], to: "h", edges: ["z>h", "h_prev>h"], mark: "1−z" },
      { at: [124, 84], to: "h", edges: ["n>h", "z>h"] },
    ],
  };
  PLANS.minlstm = {
    width: 262,
    height: 334,
    at: {
      a_f: [54, 262],
      a_i: [124, 262],
      a_n: [204, 262],
      f: [54, 200],
      i: [124, 200],
      n: [204, 200],
      q: [124, 148],
      k: [54, 138],
      h: [204, 38],
    },
    ops: [
      { at: [54, 38], to: "h", edges: ["k>h", "h_prev>h"] },
      { at: [204, 84], to: "h", edges: ["n>h", "k>h"], mark: "1−k" },
    ],
  };
  PLANS.sru = {
    width: 386,
    height: 272,
    at: {
      a_f: [54, 200],
      a_n: [124, 200],
      a_r: [214, 200],
      s: [294, 200],
      f: [54, 138],
      n: [124, 138],
      r: [214, 138],
      c: [124, 44],
      h: [350, 92],
    },
    ops: [
      { at: [54, 44], to: "c", edges: ["c_prev>c", "f>c"] },
      { at: [124, 92], to: "c", edges: ["n>c", "f>c"], mark: "1−f" },
      { at: [214, 70], to: "h", edges: ["c>h", "r>h"] },
      { at: [294, 138], to: "h", edges: ["s>h", "r>h"], mark: "1−r" },
    ],
    routes: {
      "c_prev>a_f": [[0, 44], [16, 44], [16, 169], [40, 169], [40, 183]],
      "c_prev>a_r": [[0, 44], [16, 44], [16, 169], [200, 169], [200, 183]],
    },
  };

  // Peepholes: c before comes down at the left, and enters the sums from above; c goes down between g and o.
  PLANS["lstm-peephole"] = {
    ...PLANS.lstm,
    routes: {
      "c_prev>a_f": [[0, 44], [16, 44], [16, 169], [40, 169], [40, 183]],
      "c_prev>a_i": [[0, 44], [16, 44], [16, 169], [100, 169], [100, 183]],
      "c>a_o": [[169, 52], [204, 52], [204, 169], [220, 169], [220, 183]],
    },
  };

  // A cell of one's own: its sums in a row, its gates above, its states on top.
  function generic() {
    const at = {};
    const step = 62;
    gates.forEach((gate, g) => {
      at[`a_${gate}`] = [62 + step * g, 200];
      if (!page.data.states.includes(gate)) at[gate] = [62 + step * g, 138];
    });
    if (cells.gatedProduct) at.m = [62 + step * gates.length, 200];
    if (cells.within(gates.length - 1))
      at[page.data.reads[gates.length - 1]] = [62 + step * gates.length, 200];
    page.data.states.forEach((name, i) => {
      at[name] = [62 + step * Math.max(gates.length - 1, 1), 36 + 46 * i];
    });
    return {
      width: 62 + step * Math.max(gates.length + Object.keys(at).filter((key) => /^[mk]$/.test(key)).length, 2),
      height: 272,
      at,
      ops: [],
    };
  }

  const plan = PLANS[page.data.cell === "rnn-relu" ? "rnn" : page.data.cell] || generic();

  function ports(box) {
    const foot = box.y + box.height;
    const made = {
      x: [box.x + box.width / 2, foot],
      h: {
        enters: [box.x, cells.products ? foot - RAILS.h : box.y + plan.at.h[1]],
        leaves: [box.x + box.width, box.y + plan.at.h[1]],
      },
      top: [box.x + plan.at.h[0], box.y],
    };
    for (const name of things.memories.filter((entry) => entry !== "h")) {
      made[name] = {
        enters: [box.x, box.y + plan.at[name][1]],
        leaves: [box.x + box.width, box.y + plan.at[name][1] - 28],
      };
    }
    return made;
  }

  return { plan, ports, BOX, RAILS };
})();
