// The frame: which view is shown, when it is asked for anew, keys, theme, and what is said when nothing comes.

import {submitted} from "./acting.js";
import {listen} from "./charts.js";
import {clusters} from "./clusters.js";
import {compare} from "./compare.js";
import {empty, h, link, morph} from "./dom.js";
import {drift} from "./drift.js";
import {labels} from "./labels.js";
import {messages} from "./messages.js";
import {overview} from "./overview.js";

const VIEWS = {overview, drift, labels, clusters, messages, compare};
/** Milliseconds between two looks, for an answer, and after which a view is drawn anew though nothing came. */
const LOOK_MS = 1000, ANSWER_MS = 15000, QUIET_MS = 10000;
/** Pixels below which a view is not drawn. */
const NARROWEST = 200;
const WORDS = {good: "healthy", unknown: "not all seen", warn: "needs a look", bad: "trouble"};
const $ = (id) => document.getElementById(id);
const page = {sources: [], source: 0, head: {}, said: "", drawn: 0, due: false, busy: false, shown: ""};

/** The view and its parameters, from the address. */
function place() {
  const [, name, query] = /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [];
  return {name: VIEWS[name] ? name : "overview", parameters: Object.fromEntries(new URLSearchParams(query ?? ""))};
}

async function ask(name, parameters = {}) {
  const given = Object.entries({source: page.source, ...parameters}).filter(([, value]) => value !== undefined && value !== "");
  const answer = await fetch(`api/${name}?${new URLSearchParams(given)}`, {signal: AbortSignal.timeout(ANSWER_MS)});
  if (answer.status === 401) location.assign("login");
  if (answer.status === 400) throw new Error((await answer.json()).problem);
  if (!answer.ok && answer.status !== 404) throw new Error(`${name}: the server answered ${answer.status}`);
  return answer.json();
}

/** How wide a view is: what the window gives, less its own margins. */
function room(main) {
  const style = getComputedStyle(main);
  return Math.max(300, main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
}

async function show() {
  // A window that opens, or that a picture is taken of, may have no size for a moment: what is drawn stays.
  if ($("main").clientWidth < NARROWEST) return;
  if (page.busy) { page.due = true; return; }
  page.busy = true;
  page.due = false;
  const {name, parameters} = place();
  const main = $("main");
  try {
    const width = room(main);
    const made = h("div", {"data-view": name}, await VIEWS[name](parameters, {ask, head: page.head, sources: page.sources, acts: page.sources[page.source]?.acts, width}));
    const fresh = page.shown !== location.hash;
    if (main.firstElementChild?.dataset.view === name) morph(main.firstElementChild, made);
    else main.replaceChildren(made);
    if (fresh && page.shown.split("?")[0] !== location.hash.split("?")[0]) scrollTo(0, 0);
    page.shown = location.hash;
    page.drawn = Date.now();
    page.room = width;
    document.title = `${name[0].toUpperCase()}${name.slice(1)} · Ithaca`;
  } catch (error) {
    if (!unanswered(error)) say(error);
  }
  navigate(name);
  page.busy = false;
  if (page.due) show();
}

function navigate(current) {
  const links = Object.keys(VIEWS).map((name, n) => h("a", {href: link(name), "aria-current": name === current ? "page" : null, title: `Key ${n + 1}`}, name[0].toUpperCase() + name.slice(1)));
  morph($("nav"), h("nav", {id: "nav", "aria-label": "Views"}, links));
}

function state(kind, text) {
  $("state").className = `state ${kind}`;
  if ($("state").textContent !== text) $("state").textContent = text;
}

/** Say in a banner what went wrong, or take it away. */
function say(error) {
  if (error) console.warn(error);
  banner(error ? ["Something on this page went wrong.", String(error.message ?? error)] : null);
}

function banner(lines, level = "bad") {
  $("banner").hidden = !lines;
  $("banner").className = `banner ${level}`;
  if (lines) $("banner").replaceChildren(h("div", {}, h("strong", {}, lines[0]), " ", lines[1]));
}

const unanswered = (error) => error.name === "TimeoutError" || error.name === "AbortError" || error instanceof TypeError;

/** Look whether anything changed, and again a second after the answer; nobody looks at a hidden page. */
async function look() {
  if (!document.hidden) {
    try {
      page.head = await ask("head");
      const {level, said} = page.head;
      banner(said.length ? [`${WORDS[level][0].toUpperCase()}${WORDS[level].slice(1)}.`, said.join(" ")] : null, level);
      state(page.head.ready || level === "bad" ? level : "unknown", page.head.ready || level === "bad" ? WORDS[level] : "catching up");
      const now = JSON.stringify([page.source, page.head]);
      if (now !== page.said || room($("main")) !== page.room || Date.now() - page.drawn > QUIET_MS) show();
      page.said = now;
    } catch (error) {
      page.said = "";
      state("bad", "connection lost");
      banner(unanswered(error) ? ["The dashboard's own server does not answer.", "What is shown is the last that came. Asking again by itself."] : ["The dashboard's own server fails.", error.message]);
    }
  }
  clearTimeout(page.next);
  page.next = setTimeout(look, LOOK_MS);
}

function theme(next) {
  const chosen = next ?? localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = chosen;
  if (next) localStorage.setItem("theme", next);
}

const turn = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

const KEYS = [["1 – 6", "the views"], ["/", "search in this view"], ["j  k", "next, previous row"], ["Enter", "open the row"], ["← →", "read values of a focused chart"], ["t", "light or dark"], ["?", "this list"], ["Esc", "close, or leave the search"]];

function keys() {
  $("keys").replaceChildren(h("h2", {}, "Keyboard"), h("table", {}, h("tbody", {}, KEYS.map(([key, text]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, text))))), h("form", {method: "dialog"}, h("button", {}, "Close")));
  $("keys").showModal();
}

function step(by) {
  const rows = [...document.querySelectorAll("main a.row, main .rowlink")];
  if (!rows.length) return;
  const now = rows.indexOf(document.activeElement);
  rows[now < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, now + by))].focus();
}

function pressed(event) {
  const typing = event.target.matches?.("input, select, textarea");
  if (event.key === "Escape" && typing) { event.target.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const names = Object.keys(VIEWS);
  if (event.key >= "1" && event.key <= String(names.length)) location.hash = link(names[Number(event.key) - 1]);
  else if (event.key === "t") turn();
  else if (event.key === "?") keys();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "/") { event.preventDefault(); document.querySelector("main input[type=search]")?.focus(); }
}

/** Inputs with data-parameter are part of the address: what is typed or chosen there can be shared. */
function changed(event) {
  const {parameter} = event.target.dataset ?? {};
  if (!parameter) return;
  const {name, parameters} = place();
  delete parameters.page;
  history.replaceState(null, "", link(name, {...parameters, [parameter]: event.target.value}));
  show();
}

async function begin() {
  theme();
  listen($("tip"), $("spoken"));
  $("theme").addEventListener("click", turn);
  $("help").addEventListener("click", keys);
  document.addEventListener("keydown", pressed);
  document.addEventListener("input", changed);
  document.addEventListener("submit", submitted);
  addEventListener("hashchange", show);
  new ResizeObserver(() => { if (room($("main")) !== page.room) show(); }).observe($("main"));
  document.addEventListener("visibilitychange", () => document.hidden || look());
  page.sources = await ask("sources");
  $("source").replaceChildren(...page.sources.map((source, n) => h("option", {value: n}, source.name)));
  $("source").addEventListener("change", () => { page.source = Number($("source").value); look(); });
  navigate(place().name);
  look();
}

begin().catch(() => {
  $("main").replaceChildren(empty("The dashboard's server does not answer.", "Is it still running? Start it again with: ithaca dashboard. This page tries again by itself."));
  setTimeout(() => location.reload(), 5 * LOOK_MS);
});
