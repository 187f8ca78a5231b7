// The frame: which view is shown, when it is asked for anew, keys, theme, and what is said when nothing comes.

import {listen} from "./charts.js";
import {clusters} from "./clusters.js";
import {compare} from "./compare.js";
import {empty, h, link, morph} from "./dom.js";
import {drift} from "./drift.js";
import {labels} from "./labels.js";
import {messages} from "./messages.js";
import {overview} from "./overview.js";

const VIEWS = {overview, drift, labels, clusters, messages, compare};
const QUIET_MS = 20000;
const $ = (id) => document.getElementById(id);
const page = {sources: [], source: 0, ticks: null, due: false, busy: false, shown: "", lost: false};

/** The view and its parameters, from the address. */
function place() {
  const [, name, query] = /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [];
  return {name: VIEWS[name] ? name : "overview", parameters: Object.fromEntries(new URLSearchParams(query ?? ""))};
}

async function ask(name, parameters = {}) {
  const given = Object.entries({source: page.source, ...parameters}).filter(([, value]) => value !== undefined && value !== "");
  const answer = await fetch(`/api/${name}?${new URLSearchParams(given)}`);
  if (answer.status === 401) location.assign("/login");
  if (!answer.ok && answer.status !== 404) throw new Error(`${name}: the server answered ${answer.status}`);
  return answer.json();
}

/** How wide a view is: what the window gives, less its own margins. */
function room(main) {
  const style = getComputedStyle(main);
  return Math.max(300, main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
}

async function show() {
  if (page.busy) { page.due = true; return; }
  page.busy = true;
  page.due = false;
  const {name, parameters} = place();
  const main = $("main");
  try {
    const made = h("div", {"data-view": name}, await VIEWS[name](parameters, {ask, sources: page.sources, source: page.source, width: room(main)}));
    const fresh = page.shown !== location.hash;
    if (main.firstElementChild?.dataset.view === name) morph(main.firstElementChild, made);
    else main.replaceChildren(made);
    if (fresh && page.shown.split("?")[0] !== location.hash.split("?")[0]) scrollTo(0, 0);
    page.shown = location.hash;
    document.title = `${name[0].toUpperCase()}${name.slice(1)} · Ithaca`;
  } catch (error) {
    say(error instanceof TypeError && error.message.includes("fetch") ? null : error);
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

function banner(lines) {
  $("banner").hidden = !lines;
  if (lines) $("banner").replaceChildren(h("div", {}, h("strong", {}, lines[0]), " ", lines[1]));
}

function follow() {
  page.ticks?.close();
  page.ticks = new EventSource(`/api/ticks?source=${page.source}`);
  page.ticks.onmessage = (event) => {
    const head = JSON.parse(event.data);
    page.lost = false;
    banner(head.problem ? ["The broker cannot be read.", `${head.problem} Trying again every two seconds.`] : null);
    state(head.problem ? "lost" : head.ready ? "live" : "behind", head.problem ? "no broker" : head.ready ? "live" : "catching up");
    show();
  };
  page.ticks.onerror = () => {
    if (page.lost) return;
    page.lost = true;
    state("lost", "connection lost");
    banner(["The dashboard's own server does not answer.", "What is shown is the last that came. Connecting again by itself."]);
  };
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
  addEventListener("hashchange", show);
  addEventListener("resize", show);
  // When nothing comes any more, that is news too.
  setInterval(() => document.hidden || show(), QUIET_MS);
  page.sources = await ask("sources");
  $("source").replaceChildren(...page.sources.map((source, n) => h("option", {value: n}, source.name)));
  $("source").addEventListener("change", () => { page.source = Number($("source").value); follow(); show(); });
  navigate(place().name);
  follow();
}

begin().catch(() => $("main").replaceChildren(empty("The dashboard's server does not answer.", "Is it still running? Start it again with: ithaca dashboard")));
