// What changed, where and since when; and the messages before and after.

import {chart} from "./charts.js";
import {card, count, empty, h, link, number, said, scope, score, when} from "./dom.js";
import {table} from "./messages.js";

export async function drift(parameters, {ask, width}) {
  const {at, count: many, ...wanted} = parameters;
  const data = await ask("drift", wanted);
  const opened = at ? await around(at, Number(many ?? 12), ask) : null;
  if (!data.kept) return [h("div.viewhead", {}, h("h1", {}, "Drift")), data.ready || data.problem
    ? empty("No drift seen", "Monitors watch errors, labels, vectors and the learner's structure, and write here what changed, when it changed. None has found anything yet.")
    : empty("Reading what is there", "Drift events are being read.")];
  return [
    h("div.viewhead", {}, h("h1", {}, "Drift"), h("span.note", {}, `${count(data.total)} of ${count(data.kept)} events`), h("span.grow"), Object.keys(wanted).length ? h("a", {href: link("drift", {at})}, "Clear the filter") : null),
    h("div.stack", {}, facets(data, parameters), timeline(data, width - 38), opened ? detail(opened, data, at, Number(many ?? 12), parameters) : null, events(data, parameters), levels(data, width)),
  ];
}

function facets(data, parameters) {
  const kinds = {scope: "Scope", detector: "Detector", subject: "Subject"};
  return card("Filter", null, h("dl", {}, Object.entries(kinds).map(([name, title]) => [
    h("dt", {}, title),
    h("dd.facets", {}, Object.entries(data.facets[name]).slice(0, 14).map(([value, n]) => {
      const on = parameters[name] === value;
      return h("a.facet", {"data-key": `${name}${value}`, role: "button", href: link("drift", {...parameters, [name]: on ? "" : value}), "aria-pressed": String(on)}, value, h("b", {}, count(n)));
    })),
  ])));
}

const place = (each, timed) => (timed ? each.time : each.offset);

function timeline(data, width) {
  const marks = data.events.map((each) => ({at: place(each, data.timed), text: said(each), kind: `scope-${each.scope}`}));
  return card("Timeline", "drift over the rolling scores", chart("timeline", {title: "Drift over the rolling scores", at: data.rolling.at, timed: data.timed, width, height: 170, y: [0, 1], format: score, marks, series: [
    {name: "subset accuracy", values: data.rolling.subset_accuracy, kind: ""},
    {name: "persistence", values: data.rolling.persistence_subset_accuracy, kind: "dashed"},
  ]}));
}

/** A window's words: since when, where the event says so, else how far back. */
const since = (each) => (known(each.since) ? `${count(each.since)} ago` : each.window ? `last ${count(each.window)}` : "");
const known = (x) => x !== undefined && x !== null;
const change = (each) => (known(each.before) && known(each.after) ? `${number(each.before)} → ${number(each.after)}` : "");

function events(data, parameters) {
  if (!data.events.length) return empty("Nothing matches the filter", "Take one of its parts away to see more.");
  return card("Events", data.total > data.events.length ? `the latest ${count(data.events.length)}` : "latest first", h("div.scroll", {}, h("table", {},
    h("thead", {}, h("tr", {}, ["when", "scope", "detector", "subject"].map((name) => h("th", {scope: "col"}, name)), ["before → after", "began, messages", "statistic", "threshold", "p"].map((name) => h("th.num", {scope: "col"}, name)), h("th", {scope: "col"}, "action"), h("th", {scope: "col"}, ""))),
    h("tbody", {}, data.events.slice(0, 150).map((each) => {
      const at = `${each.partition}/${each.offset}`;
      return h("tr", {"data-key": `d${each.number}`, "aria-selected": parameters.at === at ? "true" : null},
        h("td", {}, when(each.time), h("span.note", {}, ` ${each.partition}/${count(each.offset)}`)), h("td", {}, scope(each.scope)), h("td", {}, each.detector), h("td", {}, each.subject),
        h("td.num", {}, change(each)), h("td.num", {}, since(each)), h("td.num", {}, number(each.statistic)), h("td.num", {}, number(each.threshold)), h("td.num", {}, known(each.p) ? each.p.toExponential(1) : ""),
        h("td", {}, each.action === "none" ? h("span.soft", {}, "none") : each.action), h("td.right", {}, h("a.rowlink", {href: link("drift", {...parameters, at})}, "messages")));
    })))));
}

async function around(at, many, ask) {
  const [partition, offset] = at.split("/");
  return ask("around", {partition, offset, count: many});
}

function detail(found, data, at, many, parameters) {
  const here = found.drift.filter((each) => each.offset === found.offset);
  const title = here.length ? here.map(said).join("; ") : `Offset ${count(found.offset)}`;
  const head = [h("a", {href: link("drift", {...parameters, count: many * 2})}, "more"), " · ", h("a", {href: link("drift", {...parameters, at: ""})}, "close")];
  if (!found.messages.length) return card("Messages before and after", head, empty("These messages are no longer here", `The dashboard keeps the latest messages of each partition; partition ${found.partition} begins at offset ${count(found.first)}. A replay of that stretch shows them.`));
  const halves = [found.messages.filter((each) => each.offset < found.offset), found.messages.filter((each) => each.offset >= found.offset)];
  const wrong = halves.map((half) => half.filter((each) => each.wrong).length);
  return card("Messages before and after", head, h("p", {}, h("strong", {}, title), h("span.soft", {}, ` · wrong before: ${wrong[0]} of ${halves[0].length}, from here on: ${wrong[1]} of ${halves[1].length}`)), table(found.messages, {here: found.offset, drift: found.drift}));
}

function levels(data, width) {
  const names = Object.keys(data.levels).filter((name) => data.levels[name].figures.length > 1).sort((a, b) => vectors(b) - vectors(a) || a.localeCompare(b));
  const half = width > 1010 ? (width - 16) / 2 - 38 : width - 38;
  const has = names.some(vectors);
  return h("div.grid", {},
    has ? null : h("div", {}, card("Embedding drift", null, empty("No monitor of vectors has written a figure yet", "Monitors of the embedding's distribution are drawn here, with the threshold they are held against, as soon as the workers run some."))),
    names.map((name) => h("div.half", {"data-key": name}, level(name, data.levels[name], data.timed, half))));
}

function level(name, {partition, figures}, timed, width) {
  const column = (n) => figures.map((each) => each[n]);
  return card(name, `${vectors(name) ? "embedding drift, " : ""}partition ${partition}: the nearest to its threshold`, chart(`level-${name}`, {title: name, at: column(0), timed, width, height: 120, series: [
    {name: "statistic", values: column(1), kind: ""},
    {name: "threshold", values: column(2), kind: "dashed"},
  ]}));
}

const vectors = (name) => Number(/vector|embedding|frechet|mmd|rank/i.test(name));
