// Is it healthy, is it good, what changed, what was done, is it over: in words. Then the curves behind them.

import {chart} from "./charts.js";
import {card, count, empty, h, link, score, seconds, sign, stacked, when} from "./dom.js";
import {incident, marks} from "./drift.js";

const SPANS = {minutes: "15 minutes", day: "24 hours", all: "All"};
const HEALTHY = {good: "The service is healthy", unknown: "The service is healthy, as far as can be seen", warn: "The service needs a look", bad: "The service is in trouble"};
const GOOD = {good: "The labels are good", unknown: "How good the labels are is not known", warn: "The labels got worse", bad: "The labels are bad"};

export async function overview(parameters, {ask, width}) {
  const data = await ask("overview", {span: parameters.span ?? "all"});
  if (!data.predictions && !data.dead_letters) return [h("div.viewhead", {}, h("h1", {}, "Overview")), verdict("Health", HEALTHY, data.healthy), nothing(data)];
  const metric = parameters.score === "subset_accuracy" ? "subset_accuracy" : "micro_f1";
  const half = width > 1010 ? (width - 16) / 2 - 38 : width - 38;
  return [
    h("div.viewhead", {}, h("h1", {}, "Overview"), leftOut(data.skipped)),
    h("div.grid", {},
      h("div.third", {}, verdict("Health", HEALTHY, data.healthy)),
      h("div.third", {}, verdict("Quality", GOOD, data.good)),
      h("div.third", {}, changed(data)),
    ),
    h("div.viewhead.second", {}, h("h2", {}, "Over time"), h("span.grow"), segments("span", SPANS, data.span, parameters, data.timed)),
    h("div.grid", {},
      h("div.half", {}, scores(data, metric, parameters, half)),
      h("div.half", {}, throughput(data, half)),
      h("div.half", {}, partitions(data)),
      h("div.half.stack", {}, data.dead_letters ? deadLetters(data) : null, runs(data)),
    ),
  ];
}

const leftOut = (n) => (n ? h("span.note", {title: "No worker wrote them, or they cannot be read."}, `${count(n)} ${n === 1 ? "record" : "records"} on the output topics left out`) : null);

const nothing = (data) =>
  data.ready || data.level === "bad"
    ? empty("No predictions yet", "Nothing is on the output topics. Start a worker with “ithaca run”, and write events with “ithaca produce FILE”; this page shows them as they come.")
    : empty("Reading what is there", "The last messages of the topics are being added up.");

export function segments(name, options, current, parameters, shown = true, view = "overview") {
  if (!shown) return null;
  return h("span.segments", {}, Object.entries(options).map(([value, text]) => h("a", {href: link(view, {...parameters, [name]: value}), "aria-current": value === current ? "true" : null}, text)));
}

const verdict = (name, words, {level, checks}) =>
  h("section.card.verdict", {"aria-label": name, class: level}, h("h2", {}, sign(level), words[level]),
    h("dl.checks", {}, checks.map((check) => [h("dt", {}, check.level === "good" ? null : sign(check.level), check.name), h("dd", {}, check.text)])));

function changed(data) {
  const open = data.incidents_unattended, seen = data.incidents_open - open, level = open ? "warn" : "good";
  const title = open ? `${count(open)} ${open === 1 ? "change goes" : "changes go"} on` : seen ? "Somebody sees to all that goes on" : data.incidents_total ? "Nothing that changed is still felt" : "Nothing has changed";
  return h("section.card.verdict", {"aria-label": "Changes", class: level}, h("h2", {}, sign(level), title),
    data.incidents.length ? h("ul.incidents", {}, data.incidents.map((each) => incident(each))) : h("p.soft", {}, "When monitors find that the stream changed, it stands here: what, since when, at what cost, and whether it is over."),
    seen ? h("p.note", {}, `${count(seen)} that ${seen === 1 ? "goes" : "go"} on ${seen === 1 ? "is" : "are"} acknowledged or muted.`) : null,
    data.incidents_total > data.incidents.length ? h("p", {}, h("a", {href: link("drift")}, `all ${count(data.incidents_total)} incidents`)) : null);
}

function scores(data, metric, parameters, width) {
  const rolling = data.rolling;
  const names = {micro_f1: "Micro-F1", subset_accuracy: "Subset accuracy"};
  return card("Scores", segments("score", names, metric, parameters),
    chart("rolling", {title: names[metric], at: rolling.at, timed: data.timed, width, y: [0, 1], format: score, marks: marks(data), series: [
      {name: "this service", values: rolling[metric], kind: ""},
      {name: "repeating the previous labels", values: rolling[`persistence_${metric}`], kind: "dashed"},
    ]}),
    h("p.note", {}, "Of the latest 500 labelled messages at each point; labels that come later count where their message was predicted. Vertical lines: the changes that are told above."));
}

function throughput(data, width) {
  const {series, timed} = data;
  return card("Throughput and delay", timed ? `a point for each ${seconds(data.width)}` : "by offset",
    chart("throughput", {title: "Throughput", at: series.at, timed, width, height: 110, series: [{name: timed ? "predictions a second" : "predictions an offset", values: series.predictions.map((n) => (n === null ? null : n / data.width)), kind: ""}]}),
    chart("delay", {title: "Delay", at: series.at, timed, width, height: 92, format: seconds, series: [{name: "from event to answer", values: series.delay, kind: ""}]}));
}

function partitions(data) {
  return card("Partitions", null, h("div.scroll", {}, stacked(h("table", {},
    h("thead", {}, h("tr", {}, ["partition", "latest offset", "learned", "waiting", "labels", "clusters", "micro-F1, latest 500"].map((name, n) => h(n ? "th.num" : "th", {scope: "col"}, name)))),
    h("tbody", {}, data.partitions.map((each) => h("tr", {"data-key": `p${each.partition}`}, h("td", {}, each.partition),
      [count(each.latest), count(each.updates), count(each.lag), count(each.learner.labels), count(each.learner.clusters), score(each.micro_f1)].map((text) => h("td.num", {}, text)))))))));
}

const deadLetters = (data) => card("Dead letters", h("a", {href: link("messages", {which: "dead"})}, `${count(data.dead_letters)} seen: ${Object.entries(data.reasons).map(([reason, n]) => `${count(n)} ${reason}`).join(", ")}`), h("ul.list", {}, data.latest_dead_letters.slice(0, 4).map((each) =>
  h("li", {"data-key": `l${each.partition}/${each.offset}`}, h("span.badge.bad", {}, each.reason || "unknown"), h("span.clip", {title: each.detail}, each.detail || "no detail"), h("span.note", {}, when(each.time) || `${each.partition}/${count(each.offset)}`)))));

const runs = (data) => card("Runs", data.runs.length > 1 ? h("a", {href: link("compare")}, "compare") : null, h("ul.list", {}, data.runs.map((run) =>
  h("li", {"data-key": run.name}, h("span.clip.mono", {title: run.name}, run.name), h("span.note", {}, `${run.encoder}, ${count(run.predictions)} predictions seen`)))));
