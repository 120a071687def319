// What a screen reader says of a thing: its name, where it stands, its numbers.

const labels = (() => {
  const MOST = 8; // of a longer vector only the length is said

  function of(id, cut = false) {
    const thing = things.parse(id);
    const said = [things.name(thing), things.where(thing), numbers(thing), cut ? page.t("is_cut") : ""];
    return said.filter(Boolean).join(page.t("comma"));
  }

  function numbers(thing) {
    const back = state.now.mode === "backward";
    const step = page.data.steps[thing.t];
    if (thing.edge !== null) {
      const size = back ? flows.size(thing.id) : null;
      return size === null ? "" : page.t("length_is", { length: symbols.number(size) });
    }
    if (thing.key === "word") return page.t("index_is", { id: step.id });
    if (thing.key === "loss") return page.t("nats", { loss: symbols.number(step.loss) });
    if (thing.key === "p")
      return page.t("best_is", {
        token: symbols.token(step.top[0].token),
        p: symbols.number(step.top[0].probability),
      });
    const key = thing.key === "cell" ? "h" : thing.key;
    const values = back
      ? data.derivative(key, thing.l ?? 0, thing.t)
      : data.value(key, thing.l ?? 0, thing.t);
    if (!values) return "";
    const text =
      values.length <= MOST
        ? values.map(symbols.number).join(" ")
        : page.t("length_is", { length: symbols.number(data.norm(values)) });
    return (back ? page.t("derivative") + page.t("colon") : "") + text;
  }

  return { of };
})();
