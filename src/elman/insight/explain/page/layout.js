// Where everything stands: time runs to the right, and the forward pass of a step upwards.

const layout = (() => {
  const { T, L } = page.data.sizes;
  const STATE = 42; // height of a state in a closed cell: a name with an index above and below it, and a strip
  const CLOSED = { width: 84, height: Math.max(58, STATE * page.data.states.length) };
  const SMALL = 34; // height of a value's box outside the cells
  const GAP = 42; // between columns
  const RISE = 26; // between what stands one above another: room for an arrow
  const LEFT = 34; // before the first column: the state that enters

  // Rows from the top; `cell` has the middle of each layer's row.
  function rows() {
    const anyOpen = state.now.openAll || state.now.open.size > 0;
    const height = anyOpen ? inside.plan.height : CLOSED.height;
    let y = 8;
    const place = (size) => {
      const at = { top: y, middle: y + size / 2, bottom: y + size };
      y += size + RISE;
      return at;
    };
    const made = { loss: place(SMALL), p: place(SMALL + 14), logits: place(SMALL), layers: [] };
    for (let l = L - 1; l >= 0; l -= 1) made.layers[l] = place(height);
    made.x = place(SMALL);
    made.word = place(SMALL);
    made.height = y - RISE + 8;
    return made;
  }

  function columns() {
    let x = LEFT;
    const made = [];
    for (let t = 0; t < T; t += 1) {
      const open = things.isOpen(t);
      const width = open ? inside.plan.width : CLOSED.width;
      made.push({ t, open, left: x, width, right: x + width, middle: x + width / 2 });
      x += width + GAP;
    }
    return { made, width: x - GAP + 10 };
  }

  // The box of a cell within its row.
  function cellBox(row, column) {
    const height = column.open ? inside.plan.height : CLOSED.height;
    return { x: column.left, y: row.middle - height / 2, width: column.width, height };
  }

  // Where a state enters a cell and where it leaves, by its name.
  function ports(row, column) {
    const box = cellBox(row, column);
    if (column.open) return inside.ports(box);
    const many = page.data.states.length > 1;
    const lower = box.y + box.height * (many ? 0.68 : 0.5);
    const upper = box.y + box.height * 0.26;
    const at = (y) => ({ enters: [box.x, y], leaves: [box.x + box.width, y] });
    const made = { h: at(lower), x: [column.middle, box.y + box.height], top: [column.middle, box.y] };
    for (const name of things.memories) if (name !== "h") made[name] = at(upper);
    return made;
  }

  return { rows, columns, cellBox, ports, GAP };
})();
