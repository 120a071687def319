// The report: what it shows, and what chooses it.

(() => {
  const { el, svg, t, data } = page;
  const by = (id) => document.getElementById(id);
  const own = { kind: data.unit ? "unit" : "surprise", unit: data.unit || { state: "h", layer: 0, unit: 0 }, shown: 0 };
  const decoded = new Map();

  // The activation of a unit after each token. A layer is base64 of signed bytes, unit by unit.
  function activation({ state, layer, unit }) {
    const key = `${state}:${layer}`;
    const { scale, layers } = data.units[state];
    if (!decoded.has(key)) {
      decoded.set(key, Int8Array.from(atob(layers[layer]), (c) => c.charCodeAt(0)));
    }
    const count = data.pieces.length;
    return Array.from(decoded.get(key).subarray(unit * count, (unit + 1) * count), (value) => (value / 127) * scale);
  }

  const number = (value, digits = 3) => (value === null ? "–" : charts.minus(value.toFixed(digits)));
  const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
  const hasMemory = Object.keys(data.units).length > 1;
  const unitName = ({ state, layer, unit }) => t(hasMemory ? "unit_name_of" : "unit_name", { state: stateName(state), layer, unit });
  const stateName = (state) => (state === "c" && data.units.c.tanh ? "tanh c" : state);

  function colouring() {
    if (own.kind === "surprise") return { kind: "surprise", most: data.surprise_most };
    return { kind: "unit", most: Math.max(1, data.units[own.unit.state].scale) };
  }

  function paint() {
    const how = colouring();
    const values = own.kind === "surprise" ? data.surprise : activation(own.unit);
    reader.paint(values, how);
    by("by-surprise").setAttribute("aria-pressed", String(own.kind === "surprise"));
    by("by-unit").setAttribute("aria-pressed", String(own.kind === "unit"));
    by("layer").value = own.unit.layer;
    by("unit").value = own.unit.unit;
    by("state").value = own.unit.state;
    const ends = own.kind === "surprise" ? ["0", t("nats", { n: charts.short(how.most) })] : [charts.short(-how.most), charts.short(how.most)];
    by("legend").replaceChildren(el("span", {}, ends[0]), el("span", { class: "bar", style: `background: ${reader.bar(how)}` }), el("span", {}, ends[1]));
    by("colouring").textContent = own.kind === "surprise" ? t("coloured_by_surprise") : t("coloured_by_unit", { unit: unitName(own.unit) });
    for (const button of document.querySelectorAll("[data-unit]")) {
      button.setAttribute("aria-pressed", String(own.kind === "unit" && button.dataset.unit === JSON.stringify(own.unit)));
    }
    for (const dot of document.querySelectorAll(".unit-dot")) {
      dot.classList.toggle("chosen", own.kind === "unit" && dot.dataset.at === `${own.unit.layer}:${own.unit.unit}`);
    }
    by("saturation-unit").textContent = saturationOf(own.unit);
    show(own.shown);
  }

  function choose(unit) {
    own.kind = "unit";
    own.unit = { state: unit.state, layer: unit.layer, unit: unit.unit };
    paint();
  }

  // What the dots of a unit say, in words: for those who do not use a pointer.
  function saturationOf({ layer, unit }) {
    const list = data.saturation.filter((entry) => entry.layer === layer)
      .map(({ gate, low, high }) => t("saturation_entry", { gate, low: percent(low[unit]), high: percent(high[unit]) }));
    return t("saturation_unit", { unit: t("unit_name", { layer, unit }), list: list.join(t("semicolon")) });
  }

  // The most likely tokens at a place: [{token, p, true}].
  function expected(k) {
    const { n, ids, p } = data.top;
    const found = [];
    for (let j = k * n; j < (k + 1) * n; j += 1) {
      if (ids[j] >= 0) found.push({ token: data.vocabulary[ids[j]], p: p[j], right: ids[j] === data.top.own[k] });
    }
    return found;
  }

  // What the panel says of a token.
  function show(k) {
    own.shown = k;
    const surprise = data.surprise[k];
    const rows = expected(k).map(({ token, p, right }) => el("tr", { class: right ? "true" : null },
      el("td", {}, reader.shown(token)),
      el("td", { class: "bar-cell", "aria-hidden": "true" }, el("div", { class: "bar", style: `width: ${100 * p}%` })),
      el("td", {}, percent(p))));
    const facts = [
      [t("position"), t("position_of", { k: k + 1, n: data.pieces.length })],
      [t("surprise"), surprise === null ? t("nothing_before") : t("nats", { n: number(surprise) })],
      [t("probability"), surprise === null ? "–" : percent(Math.exp(-surprise))],
      [unitName(own.unit), number(activation(own.unit)[k], 2)],
    ];
    by("token").replaceChildren(
      el("h3", {}, reader.shown(data.pieces[k])),
      el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
      ...(rows.length ? [el("table", {}, el("caption", { class: "small muted" }, t("expected")), el("tbody", {}, ...rows))] : []),
    );
  }

  // What a screen reader says of a token that got the focus.
  function speak(k) {
    const surprise = data.surprise[k];
    const guesses = expected(k).slice(0, 3).map(({ token, p }) => `${reader.called(token)} ${percent(p)}`).join(", ");
    const parts = [reader.called(data.pieces[k])];
    parts.push(surprise === null ? t("nothing_before") : t("spoken_surprise", { n: number(surprise, 2), p: percent(Math.exp(-surprise)) }));
    if (guesses) parts.push(t("spoken_expected", { list: guesses }));
    if (own.kind === "unit") parts.push(`${unitName(own.unit)}: ${number(activation(own.unit)[k], 2)}`);
    by("spoken").textContent = parts.join("; ");
  }

  function rankings() {
    by("rankings").replaceChildren(...data.rankings.map(({ feature, units }) => el("div", {},
      el("h4", {}, t(`feature_${feature}`)),
      units.length
        ? el("ol", {}, ...units.map((unit) => el("li", {}, el("button", {
          type: "button", "data-unit": JSON.stringify({ state: unit.state, layer: unit.layer, unit: unit.unit }), "aria-pressed": "false", onclick: () => choose(unit),
        }, el("span", {}, unitName(unit)), el("span", {}, `r = ${unit.r < 0 ? "−" : "+"}${Math.abs(unit.r).toFixed(3)}`)))))
        : el("p", { class: "small muted" }, t("does_not_vary")))));
  }

  const style = (k) => `s${(k % 6) + 1}`;
  const layerName = (l) => t("layer_n", { n: l });
  const layers = Array.from({ length: data.model.layers }, (_, l) => l);
  const widthOf = (node) => Math.max(220, node.clientWidth);

  // Put the panels of a node side by side, at most `count`; return how wide each may be.
  function columns(node, count, least) {
    const gap = 16;
    const fitting = Math.max(1, Math.min(count, Math.floor((node.clientWidth + gap) / (least + gap))));
    node.style.gridTemplateColumns = `repeat(${fitting}, minmax(0, 1fr))`;
    return Math.floor((node.clientWidth + gap) / fitting) - gap;
  }
  const figure = (caption, ...children) => el("figure", {}, ...(caption ? [el("figcaption", {}, caption)] : []), ...children);

  function loss() {
    const { train, valid } = data.curve;
    const node = by("loss");
    if (!train.length && !valid.length) {
      node.replaceChildren(el("p", { class: "muted" }, t("no_curve")));
      return;
    }
    const settled = train.slice(Math.floor(train.length / 50)).concat(valid).map((point) => point[1]);
    const [low, high] = charts.span(settled);
    const [first, last] = charts.span(train.concat(valid).map((point) => point[0]));
    const margin = 0.05 * (high - low) || 0.05;
    const drawn = [
      { name: t("training"), points: train.map(([a, b]) => [a, b > high + margin ? null : b]), style: "s1 faint" },
      { name: t("validation"), points: valid, style: "s2", marked: true },
    ].filter((line) => line.points.length);
    node.replaceChildren(figure(null, charts.lines({
      width: widthOf(node), height: 280, label: t("loss_label"), marks: true, lines: drawn,
      x: { low: Math.min(first, 0), high: last, label: t("steps") },
      y: { low: low - margin, high: high + margin, label: t("nats_a_token") },
    }), charts.keys(drawn)), charts.table([t("steps"), t("validation")], valid));
  }

  function gates() {
    return [...new Set(data.saturation.map((entry) => entry.gate))];
  }

  function saturation() {
    const node = by("saturation");
    const one = columns(node, gates().length, 230);
    const drawn = gates().map((gate) => {
      const entries = data.saturation.filter((entry) => entry.gate === gate);
      const size = Math.min(360, one);
      const { drawing, at } = charts.frame({
        width: size, height: size * 0.9, label: t("saturation_label", { gate }),
        x: { low: 0, high: 1, label: t("share_left") }, y: { low: 0, high: 1, label: t("share_right") },
      });
      drawing.append(svg("line", { class: "guide", x1: at.x(0), y1: at.y(1), x2: at.x(1), y2: at.y(0) }));
      for (const { layer, low, high } of entries) {
        low.forEach((share, unit) => drawing.append(svg("circle", {
          class: `unit-dot ${style(layer)}`, cx: at.x(share).toFixed(1), cy: at.y(high[unit]).toFixed(1), r: 3.5, "data-at": `${layer}:${unit}`,
          onclick: () => choose({ state: own.unit.state, layer, unit }),
        }, svg("title", {}, `${t("unit_name", { layer, unit })}: ${t("saturation_entry", { gate, low: percent(share), high: percent(high[unit]) })}`))));
      }
      return figure(t("gate_of", { gate, kind: t(`kind_${entries[0].kind}`) }), drawing);
    });
    const rows = data.saturation.map(({ layer, gate, low, high }) => [`${layerName(layer)}, ${gate}`, ...[low, high].map((shares) => percent(shares.reduce((a, b) => a + b, 0) / shares.length))]);
    node.replaceChildren(...drawn, el("div", { class: "wide" },
      charts.keys(layers.map((l) => ({ name: layerName(l), style: style(l) }))),
      charts.table([t("gate"), t("share_left"), t("share_right")], rows)));
    const histogram = by("histograms");
    columns(histogram, gates().length, 230);
    histogram.replaceChildren(...gates().map((gate) => {
      const entries = data.saturation.filter((entry) => entry.gate === gate);
      const shares = entries.map(({ counts }) => counts.map((count) => count / counts.reduce((a, b) => a + b, 0)));
      const edges = entries.map((entry) => entry.edges);
      const [low, high] = charts.span(edges.flat());
      return figure(gate, charts.lines({
        width: Math.min(360, one), height: 170, label: t("histogram_label", { gate }),
        x: { low, high, label: t("value") }, y: { low: 0, high: Math.max(...shares.flat()), label: t("share") },
        lines: entries.map(({ layer }, k) => ({
          style: style(layer),
          points: shares[k].flatMap((share, j) => [[edges[k][j], share], [edges[k][j + 1], share]]),
        })),
      }));
    }));
  }

  function lags() {
    const node = by("lags");
    const drawn = Object.entries(data.lags.norms).flatMap(([state, norms], k) => norms.map((line, layer) => ({
      name: t("lag_line", { state, layer }), style: `${style(layer)}${k ? " dashed" : ""}`,
      points: line.map((norm, lag) => [lag, norm > 0 ? norm : null]),
    })));
    const [low, high] = charts.span(drawn.flatMap((line) => line.points.map((point) => point[1])));
    const most = data.lags.norms.h[0].length - 1;
    node.replaceChildren(figure(null, charts.lines({
      width: widthOf(node), height: 320, label: t("lags_label"), lines: drawn,
      x: { low: 0, high: Math.max(1, most), label: t("lag") },
      y: { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high)), log: true, label: t("norm") },
    }), charts.keys(drawn)), charts.table(
      [t("lag"), ...drawn.map((line) => line.name)],
      drawn[0].points.map((_, lag) => [String(lag), ...drawn.map((line) => line.points[lag][1])]),
    ));
  }

  function spectra() {
    const node = by("spectra");
    node.closest("section").hidden = data.spectra.length === 0; // of a cell without recurrent weights
    if (data.spectra.length === 0) return;
    const one = columns(node, layers.length, 300);
    const [, high] = charts.span(data.spectra.flatMap((entry) => entry.singular));
    const names = gates();
    const drawn = layers.map((l) => {
      const entries = data.spectra.filter((entry) => entry.layer === l);
      return figure(layerName(l), charts.lines({
        width: Math.min(640, one), height: 260, label: t("spectra_label", { layer: l }),
        x: { low: 1, high: Math.max(2, entries[0].singular.length), label: t("rank") },
        y: { low: 0, high, label: t("singular_value") },
        lines: entries.map(({ gate, singular }) => ({ style: style(names.indexOf(gate)), points: singular.map((value, k) => [k + 1, value]) })),
      }));
    });
    const rows = data.spectra.map(({ layer, gate, singular, radius }) => [
      `${layerName(layer)}, ${gate}`, singular[0], singular[Math.floor(singular.length / 2)], singular[singular.length - 1], radius,
    ]);
    node.replaceChildren(...drawn, el("div", { class: "wide" },
      charts.keys(names.map((gate, k) => ({ name: t("gate_n", { gate }), style: style(k) }))),
      charts.table([t("gate"), t("largest"), t("median"), t("smallest"), t("radius")], rows)));
  }

  function head() {
    const { cell, layers: depth, hidden, parameters, vocabulary } = data.model;
    by("summary").textContent = t("summary", {
      cell, layers: depth, hidden, parameters: parameters.toLocaleString("en"), vocabulary: vocabulary.toLocaleString("en"),
      tokens: data.pieces.length.toLocaleString("en"), nats: number(data.nats), perplexity: charts.short(Math.exp(data.nats)),
    });
    const name = data.part ? t(`part_${data.part}`, { name: data.name }) : data.name;
    by("notes").textContent = t(data.cut ? "source_cut" : "source", { name, n: data.pieces.length.toLocaleString("en") });
  }

  function draw() {
    loss();
    saturation();
    lags();
    spectra();
  }

  function controls() {
    by("layer").max = data.model.layers - 1;
    by("unit").max = data.model.hidden - 1;
    by("state").replaceChildren(...Object.keys(data.units).map((state) => el("option", { value: state }, stateName(state))));
    by("state-label").hidden = !hasMemory;
    by("by-surprise").addEventListener("click", () => {
      own.kind = "surprise";
      paint();
    });
    by("by-unit").addEventListener("click", () => choose(own.unit));
    const clamp = (node) => Math.max(0, Math.min(Number(node.max), Math.round(Number(node.value) || 0)));
    for (const id of ["layer", "unit", "state"]) {
      by(id).addEventListener("change", () => choose({ state: by("state").value, layer: clamp(by("layer")), unit: clamp(by("unit")) }));
    }
  }

  reader.onToken((k, how) => {
    show(k);
    if (how === "focus") speak(k);
  });
  controls();
  page.onChange(() => {
    head();
    reader.name();
    rankings();
    draw();
    paint();
  });
  page.start();
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    draw();
    paint();
  });
})();
