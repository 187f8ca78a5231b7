// Making elements, and bringing a shown tree to a new state without losing focus, selection or scroll.

const SVG = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "title", "tspan"]);

/** Make an element: h("a.quiet", {href: "#"}, "text", [more children]); "svglink" is a link inside SVG. */
export function h(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const space = SVG.has(tag) || tag === "svglink" ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const made = document.createElementNS(space, tag === "svglink" ? "a" : tag);
  if (classes.length) made.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.setAttribute("class", [...classes, value].join(" ").trim());
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    made.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return made;
}

/** Make `shown` equal to `wanted`, keeping every node that can be kept. */
export function morph(shown, wanted) {
  if (shown.nodeType === Node.TEXT_NODE) {
    if (shown.data !== wanted.data) shown.data = wanted.data;
    return;
  }
  // What a form was answered, and how that went, is not drawn.
  if (shown.localName === "output") return;
  for (const {name} of [...shown.attributes]) if (!wanted.hasAttribute(name) && !kept(shown, name)) shown.removeAttribute(name);
  for (const {name, value} of wanted.attributes) if (shown.getAttribute(name) !== value && !kept(shown, name)) shown.setAttribute(name, value);
  // What a person is choosing is not drawn.
  if (shown.localName === "select" && shown === document.activeElement) return;
  const old = [...shown.childNodes];
  const byKey = new Map(old.filter((node) => node.dataset?.key).map((node) => [node.dataset.key, node]));
  let place = 0;
  for (const child of [...wanted.childNodes]) {
    const found = child.dataset?.key ? byKey.get(child.dataset.key) : unkeyed(old, shown.childNodes[place]);
    if (found && found.nodeType === child.nodeType && found.nodeName === child.nodeName) {
      if (shown.childNodes[place] !== found) shown.insertBefore(found, shown.childNodes[place] ?? null);
      morph(found, child);
    } else {
      shown.insertBefore(child, shown.childNodes[place] ?? null);
    }
    place += 1;
  }
  while (shown.childNodes.length > place) shown.lastChild.remove();
}

// What a person has opened stays open.
const kept = (node, name) => name === "open" && node.localName === "details";

const unkeyed = (old, node) => (node && old.includes(node) && !node.dataset?.key ? node : null);

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});

export const count = (n) => (n === null || n === undefined ? "–" : whole.format(n));
export const compact = (n) => (n === null || n === undefined ? "–" : n < 10000 ? number(n) : short.format(n));
export const share = (x, digits = 1) => (x === null || x === undefined ? "–" : `${(100 * x).toFixed(digits)} %`);
export const score = (x) => (x === null || x === undefined ? "–" : x.toFixed(3));

/** A number with three digits that matter. */
export function number(x) {
  if (x === null || x === undefined) return "–";
  if (Number.isInteger(x)) return whole.format(x);
  const size = Math.abs(x);
  return size >= 100 ? whole.format(x) : x.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export function seconds(s) {
  if (s === null || s === undefined) return "–";
  if (s < 1) return `${Math.round(1000 * s)} ms`;
  return s < 120 ? `${s.toFixed(1)} s` : s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
}

const clock = new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit"});
const day = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit"});

/** A time since 1970, short if it is of today. */
export function when(time) {
  if (time === null || time === undefined) return "";
  const then = new Date(1000 * time);
  return then.toDateString() === new Date().toDateString() ? clock.format(then) : day.format(then);
}

/** The link of a view with parameters; what is empty is left out. */
export function link(view, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

export const empty = (title, text) => h("div.empty", {}, h("strong", {}, title), h("p", {}, text));

export const card = (title, note, ...children) =>
  h("section.card", {"aria-label": title}, h("div.cardhead", {}, h("h2", {}, title), note ? h("span.note", {}, note) : null), ...children);

/** Labels as chips that lead to their page. */
export const chips = (labels, kind = () => "") =>
  labels.length
    ? h("span.chips", {}, labels.map((label) => h("a.chip", {href: link("labels", {label}), class: kind(label)}, label)))
    : h("span.soft", {}, "none");

/** A table whose rows stand as lists where the page is narrow: each cell then says what its column is. */
export function stacked(table) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  for (const row of table.querySelectorAll("tbody tr")) [...row.children].forEach((cell, n) => names[n] && cell.setAttribute("data-name", names[n]));
  table.classList.add("stacked");
  return table;
}

const MARKS = {note: "–", good: "✓", unknown: "?", warn: "!", bad: "✕"};

/** A sign of how something is, which does not rely on its colour. */
export const sign = (level, title) => h("span.sign", {class: level, role: "img", "aria-label": title ?? level}, MARKS[level]);

export const scope = (name) => h("span.scope", {class: `scope-${name}`}, name);
