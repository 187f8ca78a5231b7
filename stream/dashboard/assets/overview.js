// How the stream does now: how much, how far behind, how well, and what happened last.

import {chart} from "./charts.js";
import {card, compact, count, empty, h, link, number, said, scope, score, seconds, share, when} from "./dom.js";

/** Seconds without a record after which the stream stands still. */
const IDLE = 60;
const SPANS = {minutes: "15 minutes", hours: "8 hours", all: "All"};

export async function overview(parameters, {ask, width}) {
  const data = await ask("overview", {span: parameters.span ?? "all"});
  if (!data.predictions && !data.dead_letters) return nothing(data);
  const metric = parameters.score === "micro_f1" ? "micro_f1" : "subset_accuracy";
  const half = width > 1010 ? (width - 16) / 2 - 38 : width - 38;
  return [
    h("div.viewhead", {}, h("h1", {}, "Overview"), leftOut(data.skipped), h("span.grow"), segments("span", SPANS, data.span, parameters, data.timed)),
    tiles(data),
    h("div.grid", {},
      h("div.half", {}, scores(data, metric, parameters, half)),
      h("div.half", {}, throughput(data, half)),
      h("div.half", {}, latest(data)),
      h("div.half", {}, partitions(data)),
      data.latest_dead_letters.length ? h("div.half", {}, deadLetters(data)) : null,
      h("div.half", {}, runs(data)),
    ),
  ];
}

const leftOut = (n) => (n ? h("span.note", {title: "No worker wrote them, or they cannot be read."}, `${count(n)} ${n === 1 ? "record" : "records"} on the output topics left out`) : null);

const nothing = (data) =>
  data.ready || data.problem
    ? empty("No predictions yet", "Nothing is on the output topics. Start a worker with “ithaca run”, and write events with “ithaca produce FILE”; this page shows them as they come.")
    : empty("Reading what is there", "The last messages of the output topics are being added up.");

export function segments(name, options, current, parameters, shown = true, view = "overview") {
  if (!shown) return null;
  return h("span.segments", {}, Object.entries(options).map(([value, text]) => h("a", {href: link(view, {...parameters, [name]: value}), "aria-current": value === current ? "true" : null}, text)));
}

const tile = (name, value, unit, sub, href) => h(href ? "a.tile" : "div.tile", {href}, h("div.name", {}, name), h("div.value", {}, value, unit ? h("small", {}, unit) : null), h("div.sub", {}, sub));

function tiles(data) {
  const {series, scores: now} = data;
  const last = series.predictions.slice(-6, -1);
  const end = series.at.at(-1) + data.width;
  const idle = data.timed && Date.now() / 1000 - end > Math.max(IDLE, 5 * data.width);
  const rate = last.length && !idle ? last.reduce((a, b) => a + b, 0) / last.length / data.width : 0;
  const delay = series.delay.findLast((value) => value !== null);
  return h("div.tiles", {},
    data.timed ? tile("Throughput", number(Math.round(rate)), "a second", idle ? `nothing since ${when(end)}` : `${count(data.predictions)} predictions seen`) : tile("Predictions", count(data.predictions), "", "from a file: without times"),
    tile("Lag", data.lag === null ? "–" : compact(data.lag), data.lag === null ? "" : "events", delay ? `answered in ${seconds(delay)}` : "not known here"),
    tile("Subset accuracy", now ? share(now.subset_accuracy) : "–", "", now ? `micro-F1 ${score(now.micro_f1)}` : "no true labels seen"),
    tile("Skill", now ? score(now.skill) : "–", "", now ? `persistence: ${share(now.persistence_subset_accuracy)}` : "over persistence"),
    tile("Labels", count(data.labels), "", "seen so far", link("labels")),
    tile("Drift", count(data.alarms), "", data.latest[0] ? `last ${when(data.latest[0].time) || `at offset ${count(data.latest[0].offset)}`}` : "none seen", link("drift")),
    tile("Dead letters", count(data.dead_letters), "", data.dead_letters ? Object.entries(data.reasons).slice(0, 2).map(([reason, n]) => `${n} ${reason}`).join(", ") : "none"),
  );
}

const kinds = (at, counts, name) => at.flatMap((place, n) => (counts[n] ? [{at: place, text: `${count(counts[n])} ${name}`, kind: "scope-prior"}] : []));

function scores(data, metric, parameters, width) {
  const rolling = data.rolling;
  const names = {subset_accuracy: "Subset accuracy", micro_f1: "Micro-F1"};
  const marks = kinds(data.series.at, data.series.alarms, "drift alarms");
  return card("Rolling scores", segments("score", names, metric, parameters),
    chart("rolling", {title: names[metric], at: rolling.at, timed: data.timed, width, y: [0, 1], format: score, marks, series: [
      {name: "this service", values: rolling[metric], kind: ""},
      {name: "persistence", values: rolling[`persistence_${metric}`], kind: "dashed"},
    ]}),
    chart("skill", {title: "Skill over persistence", at: rolling.at, timed: data.timed, width, height: 92, y: [Math.min(0, ...rolling.skill.filter((x) => x !== null)) < 0 ? -1 : 0, 1], format: score, marks, series: [{name: "skill over persistence", values: rolling.skill, kind: ""}]}),
    h("p.note", {}, "Over the labels that came with their events. Labels that come later count in the partitions' own scores."));
}

function throughput(data, width) {
  const {series, timed} = data;
  const a = timed ? "a second" : "an offset";
  return card("Throughput", timed ? `buckets of ${seconds(data.width)}` : `by offset`,
    chart("throughput", {title: "Throughput", at: series.at, timed, width, series: [{name: `predictions ${a}`, values: series.predictions.map((n) => n / data.width), kind: ""}]}),
    chart("delay", {title: "Delay", at: series.at, timed, width, height: 92, format: seconds, series: [{name: "from event to answer", values: series.delay, kind: ""}]}));
}

function latest(data) {
  if (!data.latest.length) return card("Latest drift", null, empty("No drift seen", "When a monitor finds that the stream changed, it stands here."));
  return card("Latest drift", h("a", {href: link("drift")}, "all of it"), h("ul.list", {}, data.latest.map((each) =>
    h("li", {"data-key": `d${each.number}`}, scope(each.scope), h("a.clip.rowlink", {href: link("drift", {at: `${each.partition}/${each.offset}`})}, said(each)), h("span.note", {}, when(each.time) || `offset ${count(each.offset)}`)))));
}

function partitions(data) {
  return card("Partitions", null, h("div.scroll", {}, h("table", {},
    h("thead", {}, h("tr", {}, ["partition", "latest offset", "learned", "lag", "labels", "clusters", "micro-F1"].map((name, n) => h(n ? "th.num" : "th", {scope: "col"}, name)))),
    h("tbody", {}, data.partitions.map((each) => h("tr", {"data-key": `p${each.partition}`}, h("td", {}, each.partition),
      [count(each.latest), count(each.updates), count(each.lag), count(each.learner.labels), count(each.learner.clusters), score(each.scores.micro_f1)].map((text) => h("td.num", {}, text))))))));
}

const deadLetters = (data) => card("Dead letters", "latest first", h("ul.list", {}, data.latest_dead_letters.map((each) =>
  h("li", {"data-key": `l${each.partition}/${each.offset}`}, h("span.badge.bad", {}, each.reason || "unknown"), h("span.clip", {title: each.detail}, each.detail || "no detail"), h("span.note", {}, `${each.partition}/${count(each.offset)}`)))));

const runs = (data) => card("Runs", data.runs.length > 1 ? h("a", {href: link("compare")}, "compare") : null, h("ul.list", {}, data.runs.map((run) =>
  h("li", {"data-key": run.name}, h("span.clip.mono", {title: run.name}, run.name), h("span.note", {}, `${run.encoder}, ${count(run.predictions)} predictions`)))));

