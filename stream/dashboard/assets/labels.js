// Thousands of labels: which change, which are new, which fell silent, and everything about one.

import {spark} from "./charts.js";
import {card, chips, count, empty, h, link, number, score, share, when} from "./dom.js";
import {table} from "./messages.js";

const ORDERS = {name: "label", count: "messages", f1: "F1", rate: "now", change: "change", precision: "precision", recall: "recall"};

export async function labels(parameters, {ask, head: seen}) {
  const {label, order = "change", q = "", page = "0"} = parameters;
  if (label !== undefined) return one(label, parameters, await ask("label", {name: label}));
  const data = await ask("labels", {order, q, page});
  if (!data.known) return [h("div.viewhead", {}, h("h1", {}, "Labels")), empty("No labels yet", seen.ready || seen.level === "bad" ? "Labels appear here with the first events that carry some." : "What is there is being read.")];
  const search = h("input", {type: "search", "data-parameter": "q", placeholder: "Search labels  ( / )", "aria-label": "Search labels", value: q});
  return [
    h("div.viewhead", {}, h("h1", {}, "Labels"), h("span.note", {}, `${count(data.known)} seen`), h("span.grow"), search),
    h("div.grid", {}, h("div.twothirds", {}, every(data, parameters)), h("div.third.stack", {}, births(data), silent(data))),
  ];
}

function every(data, parameters) {
  if (!data.total) return card("All labels", null, data.known && parameters.q ? empty("No label matches", "Try a shorter part of its name.") : empty("No statistics yet", "Workers write statistics of labels every 500 offsets."));
  const head = (key) => h(key === "name" ? "th" : "th.num", {scope: "col", "aria-sort": data.order === key ? (["name", "f1", "precision", "recall"].includes(key) ? "ascending" : "descending") : null}, h("a", {href: link("labels", {...parameters, order: key, page: ""})}, ORDERS[key], data.order === key ? " ▾" : ""));
  return card(data.order === "change" ? "Top changing labels" : "All labels", `${count(data.total)} ${data.total === 1 ? "label" : "labels"}, page ${data.page + 1} of ${data.pages}`,
    h("p.note", {}, data.windows),
    h("div.scroll", {}, h("table.labels", {},
      h("thead", {}, h("tr", {}, head("name"), h("th", {scope: "col"}, "lately"), head("rate"), h("th.num", {scope: "col"}, "usually"), head("change"), head("count"), head("precision"), head("recall"), head("f1"))),
      h("tbody", {}, data.labels.map((each) => h("tr", {"data-key": each.name},
        h("td.clip.grow", {title: each.name}, h("a.rowlink", {href: link("labels", {label: each.name})}, each.name)),
        h("td", {}, spark(each.history, `rate of ${each.name}`)), h("td.num", {}, share(each.rate, 2)), h("td.num", {}, share(each.usual, 2)), h("td.num", {}, change(each)), h("td.num", {}, count(each.occurrences)), h("td.num", {}, share(each.precision, 0)), h("td.num", {}, share(each.recall, 0)), h("td.num", {}, score(each.f1))))))),
    pager(data, parameters));
}

const change = (each) => (Math.abs(each.change) < 3 ? h("span.soft", {}, signed(each.change)) : h("span.badge", {class: each.change > 0 ? "good" : "warn"}, signed(each.change)));
const signed = (x) => `${x > 0.05 ? "+" : x < -0.05 ? "−" : ""}${Math.abs(x).toFixed(1)} σ`;

const pager = (data, parameters) => data.pages > 1 ? h("div.pager", {},
  data.page ? h("a", {href: link("labels", {...parameters, page: data.page - 1})}, "← previous") : h("span.soft", {}, "← previous"),
  h("span.note", {}, `${data.page + 1} / ${data.pages}`),
  data.page + 1 < data.pages ? h("a", {href: link("labels", {...parameters, page: data.page + 1})}, "next →") : h("span.soft", {}, "next →")) : null;

const births = (data) => card("Born lately", null, h("ul.list", {}, data.births.slice(0, 15).map((each) =>
  h("li", {"data-key": each.label}, h("a.clip.rowlink", {href: link("labels", {label: each.label})}, each.label), h("a.note", {href: link("drift", {at: `${each.partition}/${each.offset}`})}, when(each.time) || `offset ${count(each.offset)}`)))));

const silent = (data) => card("Fallen silent", data.silent_total ? count(data.silent_total) : null, data.silent.length
  ? h("ul.list", {}, data.silent.slice(0, 15).map((each) => h("li", {"data-key": each.name}, h("a.clip.rowlink", {href: link("labels", {label: each.name})}, each.name), h("span.note", {}, `${number(Math.round(each.silent))} expected since`))))
  : h("p.soft", {}, "Every label that is usual still occurs."));

/** Where a label stands among the others, as its path says, and what was done to it. */
function definition({above, under, under_total: total, operations}, place) {
  if (!above.length && !total && !operations.length) return null;
  const facts = [["Lies under", above.length ? chips(above) : null], ["Under it", total ? [chips(under), total > under.length ? ` and ${count(total - under.length)} more` : ""] : null], ["Operations", operations.length ? operations.map((each) => h("div", {}, each.said, " ", place(each))) : null]];
  return card("Taxonomy", null, h("dl", {}, facts.filter(([, value]) => value).map(([title, value]) => [h("dt", {}, title), h("dd", {}, value)])));
}

function one(name, parameters, data) {
  const back = h("a", {href: link("labels", {...parameters, label: undefined})}, "← all labels");
  if (!data) return [h("div.viewhead", {}, h("h1", {}, name), back), empty("No such label", "Nobody has seen a label of this name on this stream.")];
  const place = (at) => h("a", {href: link("drift", {at: `${at.partition}/${at.offset}`})}, when(at.time) || `partition ${at.partition}, offset ${count(at.offset)}`);
  const facts = [["Messages with it", count(data.occurrences)], ["Predicted", `for ${count(data.predicted)}`],
    ["Precision", `${share(data.precision)}: ${count(data.hits)} of ${count(data.predicted)} predictions are right`],
    ["Recall", `${share(data.recall)}: ${count(data.hits)} of ${count(data.occurrences)} messages are found`],
    ["F1", score(data.f1)], ["Now", `${share(data.rate, 2)} of the messages`], ["Usually", share(data.usual, 2)], ["", h("span.note", {}, data.windows)], ["Change", change(data)],
    ["First seen", data.birth ? [place(data.birth), data.age ? `, ${data.age} ago` : ""] : "before this page began"], ["Last seen", data.last ? place(data.last) : "before the messages kept here"]];
  return [
    h("div.viewhead", {}, h("h1", {}, name), data.silent >= 8 ? h("span.badge.warn", {}, "silent") : null, h("span.grow"), back),
    h("div.grid", {},
      h("div.third.stack", {}, card("Figures", null, h("dl", {}, facts.map(([title, value]) => [h("dt", {}, title), h("dd", {}, value)])), h("h3", {}, "Rate, as written"), spark(data.history, `rate of ${name}`)), definition(data.taxonomy, place),
        card("Cluster", null, Object.keys(data.mates).length ? Object.entries(data.mates).map(([partition, mates]) => h("div", {}, h("h3", {}, h("a", {href: link("clusters", {partition})}, `partition ${partition}, cluster ${data.clusters[partition]}`)), mates.length ? chips(mates) : h("span.soft", {}, "no other label"))) : h("p.soft", {}, "It is in no cluster yet."))),
      h("div.twothirds.stack", {}, confused(name, data), data.findings.length ? card("Findings", null, h("ul.list", {}, data.findings.map((each) => h("li", {}, each.said)))) : null, card("Latest messages that have it, or seemed to", h("a", {href: link("messages", {label: name})}, "all of them"), data.messages.length ? table(data.messages) : empty("None is kept here", "The latest messages do not carry it.")))),
  ];
}

/** Which labels stand where this one is missed, and which are true where it is predicted falsely. */
function confused(name, data) {
  const {missed, false: wrongly, scored} = data.confusion;
  const rows = (title, counts, none) => h("div.half", {}, h("h3", {}, title), counts.length ? h("table", {}, h("tbody", {}, counts.map(([label, n]) => h("tr", {}, h("td", {}, label ? h("a", {href: link("labels", {label})}, label) : h("span.soft", {}, none)), h("td.num", {}, count(n)))))) : h("p.soft", {}, "never"));
  return card("Confused with", `in the ${count(scored)} messages kept here whose truth is known`, h("div.grid", {}, rows("Missed; predicted instead", missed, "nothing else"), rows("Predicted falsely; true instead", wrongly, "nothing else")));
}
