// Vectors and matrices as tables: each number in a cell, coloured by its sign and size.

const tables = (() => {
  const { el } = page;
  const DEEPEST = 46; // per cent of the colour: text on it keeps 4.5 to one, light and dark
  const MATRIX = 16; // a matrix of more rows or columns is drawn without numbers

  // The colour of a number: warm below zero, cool above, the stronger the larger beside `most`.
  function tint(entry, most) {
    if (!entry || !most) return "";
    const share = Math.round(8 + (DEEPEST - 8) * Math.min(1, Math.abs(entry) / most));
    return `background:color-mix(in srgb, var(${entry < 0 ? "--warm" : "--cool"}) ${share}%, transparent)`;
  }

  const largest = (rows) =>
    rows.reduce((most, row) => (row || []).reduce((m, entry) => Math.max(m, Math.abs(entry)), most), 0);

  const cell = (entry, most, attributes = {}) =>
    el("td", { style: tint(entry, most), ...attributes }, symbols.number(entry));

  // Rows of a sum: [{head, values, kind, sign}], head a node, kind "term", "sum" or "group" (a heading alone).
  // `names` are those of the columns; with `onUnit` each is a button that writes that unit out.
  function vectors(rows, { names, caption, onUnit = null, unit = null }) {
    const most = largest(rows.map((row) => row.values));
    const heading = names.map((name, j) =>
      el(
        "th",
        { scope: "col" },
        onUnit
          ? el(
              "button",
              {
                type: "button",
                class: "unit",
                "data-unit": j,
                "aria-pressed": String(unit === j),
                "aria-label": page.t("unit_out", { unit: name }),
                onclick: () => onUnit(unit === j ? null : j),
              },
              name,
            )
          : el("bdi", {}, name),
      ),
    );
    const body = rows.map((row) => {
      if (row.kind === "group")
        return el(
          "tr",
          { class: "group" },
          el("th", { scope: "colgroup", colspan: names.length + 1 }, row.head),
        );
      const head = el("th", { scope: "row" }, row.sign ? `${row.sign} ` : "", row.head);
      const entries = row.values
        ? row.values.map((entry, j) => cell(entry, most, { class: unit === j ? "picked" : null }))
        : [el("td", { colspan: names.length, class: "muted" }, page.t("left_out"))];
      return el(
        "tr",
        { class: row.kind === "sum" ? "total" : null, "data-row": row.name || null },
        head,
        ...entries,
      );
    });
    return el(
      "div",
      { class: "scroll", tabindex: names.length > 5 ? "0" : null, role: "group", "aria-label": caption },
      el(
        "table",
        { class: "numbers" },
        el("caption", { class: "hidden-text" }, caption),
        el("thead", {}, el("tr", {}, el("td", {}), ...heading)),
        el("tbody", {}, ...body),
      ),
    );
  }

  // A matrix: with numbers where it is small, else as a picture. `heads` and `names` are those of its rows and
  // columns, `last` a further row under it.
  function matrix(entries, { heads, names, caption, last = null, unit = null }) {
    if (!entries) return el("p", { class: "muted" }, page.t("left_out"));
    if (entries.length > MATRIX || entries[0].length > MATRIX) return picture(entries, caption);
    const most = largest(entries);
    const rows = entries.map((row, i) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, heads[i]),
        ...row.map((entry, j) => cell(entry, most, { class: unit === j ? "picked" : null })),
      ),
    );
    if (last)
      rows.push(
        el(
          "tr",
          { class: "total" },
          el("th", { scope: "row" }, last.head),
          ...last.values.map((entry) => cell(entry, largest([last.values]))),
        ),
      );
    return el(
      "div",
      { class: "scroll", tabindex: names.length > 4 ? "0" : null, role: "group", "aria-label": caption },
      el(
        "table",
        { class: "numbers matrix" },
        el("caption", { class: "hidden-text" }, caption),
        el("thead", {}, el("tr", {}, el("td", {}), ...names.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...rows),
      ),
    );
  }

  function picture(entries, caption) {
    const [height, width] = [entries.length, entries[0].length];
    const canvas = el("canvas", { width, height, class: "picture", role: "img" });
    const most = largest(entries);
    const style = getComputedStyle(document.documentElement);
    const shades = Object.fromEntries(["--warm", "--cool"].map((name) => [name, colour(style, name)]));
    const image = canvas.getContext("2d").createImageData(width, height);
    entries.forEach((row, i) =>
      row.forEach((entry, j) => {
        const shade = shades[entry < 0 ? "--warm" : "--cool"];
        image.data.set(
          [...shade, most ? Math.round((255 * Math.abs(entry)) / most) : 0],
          4 * (i * width + j),
        );
      }),
    );
    canvas.getContext("2d").putImageData(image, 0, 0);
    const words = page.t("matrix_size", {
      rows: height,
      columns: width,
      length: symbols.number(data.norm(entries)),
      most: symbols.number(most),
    });
    canvas.setAttribute("aria-label", `${caption}. ${words}`);
    return el("div", {}, canvas, el("p", { class: "muted small" }, words));
  }

  // Red, green and blue of a colour of the style sheet: as the browser resolves it.
  function colour(style, name) {
    const probe = el("span", { style: `color:var(${name})` });
    document.body.append(probe);
    const found = getComputedStyle(probe)
      .color.match(/[\d.]+/g)
      .slice(0, 3)
      .map(Number);
    probe.remove();
    return found;
  }

  return { DEEPEST, vectors, matrix, tint, largest };
})();
