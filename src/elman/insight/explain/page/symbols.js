// How formulas are written: strings such as "h_{2}^{(0)} ⊙ (1 − z_{2})", and how these become HTML.

const symbols = (() => {
  const { L } = page.data.sizes;
  const many = page.data.gates.length > 1;
  const FUNCTIONS = { sigmoid: "σ", tanh: "tanh", relu: "relu" };
  const minus = (number) => String(number).replaceAll("-", "−");

  const layer = (l) => (L > 1 ? `^{(${l})}` : "");

  // A vector at a step: h_{2}, a_{i,2}, h_{1} for h_prev of step 2, b_{i}.
  function vector(key, l, t) {
    const at = cells.source(key, l, t);
    if (OUTPUT[at.key]) return `${OUTPUT[at.key]}_{${minus(at.t)}}`;
    const [letter, gate] = at.key.startsWith("a_")
      ? ["a", at.key.slice(2)]
      : /^\d+$/.test(at.key)
        ? ["g", at.key]
        : [at.key, null];
    const lower = gate !== null && many ? `${gate},${minus(at.t)}` : minus(at.t);
    return `${letter}_{${lower}}${at.key === "x" ? "" : layer(at.l)}`;
  }
  const OUTPUT = { logits: "logits", p: "p", loss: "L" };

  function param(letter, l, gate) {
    if (letter === "V") return page.data.tied ? "E^{⊤}" : "V";
    if (letter === "E" || letter === "c") return letter;
    if (letter === "b_candidate") return `b_{cand}${layer(l)}`;
    if (letter === "U_skip") return data.skips(l) ? `U_{skip}${layer(l)}` : "I";
    if (letter === "p") return `p_{${page.data.peepholes[gate][0]}}${layer(l)}`;
    return `${letter}${many ? `_{${page.data.gates[gate]}}` : ""}${layer(l)}`;
  }

  function matrix(term) {
    const { letter, l, gate } = term.matrix;
    const name = param(letter, l, gate);
    if (!term.transposed) return name;
    return letter === "V" && page.data.tied ? "E" : `${name}^{⊤}`;
  }

  const derivative = (key, l, t) => `d${vector(key, l, t)}`;

  // What a step sends of a state to the step before it: dh_{2→1}.
  const sent = (key, l, t) => `d${key}_{${t}→${minus(t - 1)}}${layer(l)}`;

  // A factor of a term; with `index`, such as "[2]", one unit of it.
  function factor(entry, index = "") {
    const name = vector(entry.key, entry.l, entry.t) + index;
    // h_prev of step t is h of step t - 1; the derivative by it is only what this step sends there.
    if (entry.d && entry.key.endsWith("_prev")) return sent(entry.key.slice(0, -5), entry.l, entry.t) + index;
    if (entry.d) return `d${name}`;
    if (entry.complement) return `(1 − ${name})`;
    if (entry.reciprocal) return `(1 / ${name})`;
    if (entry.slope === "sigmoid") return `${name} ${index ? "·" : "⊙"} (1 − ${name})`;
    if (entry.slope === "tanh") return `(1 − ${name}^{2})`;
    if (entry.slope === "relu") return `[${name} > 0]`;
    return name;
  }

  // A term without its sign.
  function term(entry) {
    if (entry.bias) return param(entry.bias.letter, entry.bias.l, entry.bias.gate);
    const seen = entry.peephole ? [param("p", entry.peephole.l, entry.peephole.row)] : [];
    const product = [...seen, ...entry.factors.map((part) => factor(part))].join(" ⊙ ");
    if (!entry.matrix) return product;
    return entry.factors.length > 1 ? `(${product}) ${matrix(entry)}` : `${product} ${matrix(entry)}`;
  }

  const sum = (terms) =>
    terms
      .map((entry, i) => {
        const sign = entry.sign < 0 ? "− " : "+ ";
        return (i === 0 && entry.sign > 0 ? "" : sign) + term(entry);
      })
      .join(" ");

  // The formula of a value, h_{2} = tanh(a_{2}).
  function formula(key, l, t) {
    const made = cells.definition(key);
    const terms = made.terms.map((entry) => backward.placed(entry, l, t));
    const right = made.fn ? `${FUNCTIONS[made.fn]}(${sum(terms)})` : sum(terms);
    return `${vector(key, l, t)} = ${right}${made.open ? " + …" : ""}`;
  }

  // HTML of a formula: letters slanted, what is in _{} and ^{} below and above.
  function typeset(text) {
    const top = page.el("span", { class: "math" });
    let rest = text;
    while (rest) {
      const found =
        /^([_^])\{([^}]*)\}/.exec(rest) || /^()([A-Za-z]+)/.exec(rest) || /^()([^A-Za-z_^]+|[_^])/.exec(rest);
      const [whole, mark, inner] = found;
      if (mark) top.append(page.el(mark === "_" ? "sub" : "sup", {}, inner));
      else if (UPRIGHT.has(inner) || !/[A-Za-z]/.test(inner)) top.append(inner);
      else if (/^d./.test(inner))
        top.append("d", page.el(inner === "dlogits" ? "span" : "i", {}, inner.slice(1)));
      else top.append(page.el("i", {}, inner));
      rest = rest.slice(whole.length);
    }
    return top;
  }
  const UPRIGHT = new Set(["tanh", "relu", "softmax", "ln", "exp", "sum", "logits", "onehot"]);

  // The same without markup, for a label that is read aloud.
  const plain = (text) => text.replace(/[_^]\{([^}]*)\}/g, " $1").replace(/⊙/g, "·");

  // A number: four decimals, or three digits and an exponent where it is small.
  function number(entry) {
    if (entry === null || entry === undefined) return "·";
    const size = Math.abs(entry);
    if (size === 0) return "0";
    const text =
      size >= 0.001 && size < 10000
        ? entry.toFixed(size < 10 ? 4 : 2)
        : entry.toExponential(2).replace("e+", "e");
    return minus(text);
  }

  // A token so that it can be seen: spaces and line ends have signs.
  function token(text) {
    const seen = { "\n": "⏎", " ": "␣", "\t": "⇥", "": "∅" };
    if (text in seen) return seen[text];
    return text.replace(
      /\p{Cc}/gu,
      (sign) => seen[sign] || `<${sign.codePointAt(0).toString(16).toUpperCase().padStart(2, "0")}>`,
    );
  }

  // What a reader takes for one sign stays whole: an emoji of several parts, a letter with its accents.
  const segments = new Intl.Segmenter();

  function short(text, most = 10) {
    const letters = [...segments.segment(token(text))].map((part) => part.segment);
    return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : letters.join("");
  }

  return {
    FUNCTIONS,
    vector,
    param,
    matrix,
    derivative,
    sent,
    factor,
    term,
    sum,
    formula,
    typeset,
    plain,
    number,
    token,
    short,
    minus,
  };
})();
