// Two runs over the same events.

import {bar, chart} from "./charts.js";
import {card, chips, count, empty, h, link, score, share, stacked} from "./dom.js";

export async function compare(parameters, {ask, width}) {
  const sources = await ask("sources");
  const runs = sources.flatMap((source, n) => source.runs.map((run) => ({n, run, text: `${source.name}: ${run}`, key: `${n}:${run}`})));
  const head = h("div.viewhead", {}, h("h1", {}, "Compare"));
  if (runs.length < 2) return [head, empty("There is one run to look at", "Compare wants two over the same events: the live one and a replay, say. Replay with another learner (ithaca replay --learner br-hat --out other.jsonl) and start the dashboard with --beside other.jsonl.")];
  const a = runs.find((each) => each.key === parameters.a) ?? runs[0];
  const b = runs.find((each) => each.key === parameters.b) ?? runs.find((each) => each !== a);
  const data = await ask("compare", {a: a.n, run_a: a.run, b: b.n, run_b: b.run});
  const choose = (name, chosen, text) => h("label", {}, h("span.soft", {}, `${text} `), h("select", {"data-parameter": name}, runs.map((each) => h("option", {value: each.key, selected: each.key === chosen.key}, each.text))));
  return [h("div.viewhead", {}, h("h1", {}, "Compare"), choose("a", a, "First"), choose("b", b, "Second")), data ? both(data, width) : empty("No such run", "Choose another one.")];
}

function both(data, width) {
  const half = width > 1010 ? (width - 16) / 2 - 38 : width - 38;
  return h("div.grid.loose", {},
    h("div", {}, headline(data)),
    h("div.half", {}, curves(data, "subset_accuracy", "Subset accuracy", half)), h("div.half", {}, curves(data, "micro_f1", "Micro-F1", half)),
    h("div.half", {}, outcomes(data)), h("div.half", {}, labels(data)), h("div", {}, differ(data)));
}

function headline(data) {
  const rows = [["Subset accuracy", "subset_accuracy"], ["Micro-F1", "micro_f1"], ["Skill over persistence", "skill"]];
  return card("Over all that each run wrote", `${count(data.both)} events were predicted by both`, h("div.scroll", {}, stacked(h("table", {},
    h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "run"), rows.map(([title]) => h("th.num", {scope: "col"}, title)), h("th.num", {scope: "col"}, "predictions"))),
    h("tbody", {}, data.runs.map((run, n) => h("tr", {}, h("td", {}, h("span.key", {class: n ? "other" : ""}, h("span", {}, run.source, " ", h("span.mono.soft", {}, run.name)))), rows.map(([, name]) => h("td.num", {}, score(run.scores?.[name]))), h("td.num", {}, count(run.predictions)))))))));
}

/** Both curves over the offsets of either. */
function curves(data, name, title, width) {
  const at = [...new Set(data.runs.flatMap((run) => run.at))].sort((x, y) => x - y);
  const values = data.runs.map((run) => { const known = new Map(run.at.map((place, n) => [place, run[name][n]])); let last = null; const end = run.at.at(-1); return at.map((place) => (place > end ? null : (last = known.get(place) ?? last))); });
  return card(title, "over offsets", chart(`compare-${name}`, {title, at, timed: false, width, y: [0, 1], format: score, series: [{name: "first", values: values[0], kind: ""}, {name: "second", values: values[1], kind: "other"}]}));
}

function outcomes(data) {
  const {right, scored} = data;
  const rows = [["both right", right.both, ""], ["only the first", right.first, ""], ["only the second", right.second, "other"], ["neither", right.neither, "quiet"]];
  return card("Who was right", `${count(scored)} with known labels; same answer on ${share(data.both ? data.agree / data.both : null)}`, h("div.bars", {}, rows.map(([name, n, kind]) => [h("span", {}, name), bar(scored ? n / scored : 0, kind), h("span.right", {}, count(n))])));
}

function labels(data) {
  if (!data.labels.length) return card("Labels they differ on", null, h("p.soft", {}, "None: on each label both were wrong equally often."));
  const which = data.labels_total > data.labels.length ? `, the ${count(data.labels.length)} that differ most of ${count(data.labels_total)}` : "";
  return card("Labels they differ on", `wrong answers on the ${count(data.scored)} events that both predicted${which}`, h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "label"), h("th.num", {scope: "col"}, "first"), h("th.num", {scope: "col"}, "second"))), h("tbody", {}, data.labels.map((each) => h("tr", {}, h("td", {}, h("a", {href: link("labels", {label: each.label})}, each.label)), h("td.num", {}, count(each.first)), h("td.num", {}, count(each.second)))))));
}

function differ(data) {
  if (!data.messages.length) return card("Messages they differ on", null, h("p.soft", {}, data.both ? "They gave the same labels to every event." : "No event was predicted by both: offsets do not overlap."));
  const kind = (each) => (label) => (each.truth === null ? "" : each.truth.includes(label) ? "hit" : "false");
  return card("Messages they differ on", "latest first", h("div.scroll", {}, stacked(h("table", {}, h("thead", {}, h("tr", {}, ["event", "first", "second", "truth"].map((name) => h("th", {scope: "col"}, name)))),
    h("tbody", {}, data.messages.map((each) => h("tr", {"data-key": `${each.partition}/${each.offset}`}, h("td", {}, h("a.rowlink.mono", {href: link("messages", {at: `${each.partition}/${each.offset}`})}, each.id)), h("td", {}, chips(each.first, kind(each))), h("td", {}, chips(each.second, kind(each))), h("td", {}, each.truth === null ? h("span.soft", {}, "not known") : chips(each.truth)))))))));
}
