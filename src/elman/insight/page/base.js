// What every page of elman shares: its data, its words in two languages, light and dark.
//
// An element with data-i18n="key" gets the words of that key as its text, one with data-i18n-label as its
// aria-label. Nothing is remembered from one visit to the next, and nothing is fetched.
"use strict";

const page = (() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("page-data");
  const strings = read("page-strings");
  const root = document.documentElement;
  const listeners = [];
  const codes = { en: "en", zh: "zh-Hans" };
  const own = {
    language: (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en",
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  };

  const has = (key) => key in strings;

  // The words of a key, with what stands in braces filled in: t("step", {n: 3}).
  function t(key, values = {}) {
    const entry = strings[key];
    if (!entry) throw new Error(`no words for ${key}`);
    return entry[own.language].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  }

  // Put the words of the language where the page's HTML asks for them.
  function translate() {
    for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
    for (const node of document.querySelectorAll("[data-i18n-label]")) {
      node.setAttribute("aria-label", t(node.dataset.i18nLabel));
    }
  }

  // Call `listener` when the language or the theme has changed.
  function onChange(listener) {
    listeners.push(listener);
  }

  function show() {
    root.lang = codes[own.language];
    root.dataset.theme = own.theme;
    translate();
    document.title = t("title");
    for (const button of document.querySelectorAll("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === own.language));
    }
    document.getElementById("page-theme").setAttribute("aria-pressed", String(own.theme === "dark"));
    for (const listener of listeners) listener();
  }

  // Make an element: el("p", {class: "muted", onclick: f}, "text", node). Where `attributes` gives a function,
  // it listens to that event; null and false leave an attribute out.
  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
      else if (value !== null && value !== false && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }
  const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      own.language = button.dataset.language;
      show();
    });
  }
  document.getElementById("page-theme").addEventListener("click", () => {
    own.theme = own.theme === "dark" ? "light" : "dark";
    show();
  });

  return {
    data, t, has, onChange, el, svg,
    start: show, // the page's own script calls it when it has put up what there is to see
    get language() { return own.language; },
    get theme() { return own.theme; },
  };
})();
