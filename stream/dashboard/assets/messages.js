// Single predictions, and why they are what they are.

import {bar} from "./charts.js";
import {card, chips, count, empty, h, link, number, share, when} from "./dom.js";
import {letters} from "./letters.js";
import {segments} from "./overview.js";

const WHICH = {all: "All", wrong: "Wrong", unsure: "Unsure", dead: "Dead letters"};

export async function messages(parameters, context) {
  const {ask} = context, {at, which = "all", q = "", label = "", run = ""} = parameters;
  const choose = [h("h1", {}, "Messages"), segments("which", WHICH, which, {...parameters, at: ""}, true, "messages")];
  if (which === "dead") return letters(parameters, h("div.viewhead", {}, choose), context);
  const [data, opened] = await Promise.all([ask("messages", {which, q, label, run}), at ? inspect(at, ask) : null]);
  const search = h("input", {type: "search", "data-parameter": "q", placeholder: "Search ids and texts  ( / )", "aria-label": "Search ids and texts", size: 24, value: q});
  return [
    h("div.viewhead", {}, choose, label ? h("a.facet", {href: link("messages", {...parameters, label: ""}), "aria-pressed": "true"}, `label: ${label} ×`) : null, data.runs.length > 1 ? segments("run", {"": "all runs", ...Object.fromEntries(data.runs.map((name) => [name, name]))}, run, {...parameters, at: ""}, true, "messages") : null, h("span.grow"), search),
    h("div.grid", {},
      h(at ? "div.half" : "div", {}, data.messages.length
        ? card("Latest predictions", `of ${count(data.kept)} kept here`, table(data.messages, {at, parameters, slim: Boolean(at)}))
        : empty(data.kept ? "Nothing matches" : "No predictions yet", data.kept ? "No message that is kept here fits the search." : "Predictions appear here as workers write them.")),
      at ? h("div.half.stack.detail", {}, opened ? why(opened, parameters) : card(`Message ${at}`, null, empty("This message is no longer here", "The dashboard keeps the latest messages of each partition."))) : null,
    ),
  ];
}

const inspect = (at, ask) => { const [partition, offset] = at.split("/"); return ask("message", {partition, offset}); };

/** Predicted labels beside the truth: right ones, false ones, missed ones. */
export function verdict(each) {
  if (each.truth === null) return chips(each.labels);
  const truth = new Set(each.truth), predicted = new Set(each.labels);
  return chips([...each.labels, ...each.truth.filter((label) => !predicted.has(label))], (label) => (!predicted.has(label) ? "miss" : truth.has(label) ? "hit" : "false"));
}

const mark = (each) => [each.truth === null ? h("span.badge", {}, "no truth yet") : each.wrong ? h("span.badge.bad", {}, "wrong") : h("span.badge.good", {}, "right"), each.unsure ? [" ", h("span.badge.warn", {}, "unsure")] : null];

/** A table of messages; `here` is the offset that the others are before or after. */
export function table(rows, {here = null, drift = [], at = "", parameters = {}, slim = false} = {}) {
  const found = new Map(drift.map((each) => [each.offset, each]));
  return h("div.scroll", {}, h("table.messages", {},
    h("thead", {}, h("tr", {}, ["event", slim ? null : "when", "", "labels"].filter((name) => name !== null).map((name) => h("th", {scope: "col"}, name)))),
    h("tbody", {}, rows.map((each) => {
      const key = `${each.partition}/${each.offset}`;
      const changed = found.get(each.offset);
      return h("tr", {"data-key": key, class: [each.offset === here ? "here" : "", changed ? `drifted scope-${changed.scope}` : ""].join(" ").trim() || null, "aria-selected": key === at ? "true" : null},
        h("td.said", {}, h("a.rowlink.mono", {href: link("messages", {...parameters, at: key}), title: `partition ${each.partition}, offset ${each.offset}`}, each.id), each.text ? h("div.text", {title: each.text}, each.text) : null),
        slim ? null : h("td.soft", {}, when(each.time) || `offset ${count(each.offset)}`),
        h("td", {}, mark(each)), h("td.grow", {}, verdict(each)));
    }))));
}

function why(data, parameters) {
  const record = data.record;
  const facts = [["Event", h("span.mono", {}, data.id)], ["Place", `partition ${data.partition}, offset ${count(data.offset)}`], ["Answered", when(data.time)], ["Model", `${count(record.model.updates)} messages learned, ${record.model.digest.slice(0, 12)}`], ["Learned through", record.trained_through.map((each) => `${each.topic} ${count(each.offset)}`).join(", ") || "nothing yet"], ["Not excluded", record.confidence && chips(record.confidence.labels)], ["Reliable", record.confidence && (record.confidence.reject ? "no: rejected" : "yes")], ["Run", h("span.mono", {}, record.run)], ["Encoder", record.encoder]];
  return [
    card("Why these labels", h("a", {href: link("messages", {...parameters, at: ""})}, "close"),
      data.text ? h("blockquote", {}, data.text) : null,
      h("p", {}, mark(data), " ", verdict(data), data.later ? h("span.note", {}, " the truth came later") : null),
      h("p.soft", {}, inWords(data)),
      h("h3", {}, "Labels, likeliest first"), scores(data),
      data.evidence.length ? [h("h3", {}, "Its words, in the messages before"), evidence(data)] : null,
      h("h3", {}, "Past messages it is like"), nearest(data.nearest),
      h("details", {}, h("summary", {}, "What each expert said"), votes(record.why))),
    card("Record", null, h("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))),
  ];
}

/** The prediction in a sentence: what it chose, what else it considered, and what spoke for it. */
function inWords(data) {
  const listed = data.record.scores, predicted = new Set(data.labels);
  if (!listed.length) return "The model knew no label yet.";
  const said = listed.filter(({label}) => predicted.has(label)).map(({label, score: p}) => `${label} (${share(p, 0)})`);
  const next = listed.filter(({label, score: p}) => !predicted.has(label) && p > 0.02).slice(0, 2).map(({label, score: p}) => `${label} (${share(p, 0)})`);
  const alike = data.nearest.filter((each) => each.labels.some((label) => predicted.has(label))).length;
  return [
    said.length ? `It was labelled ${said.join(", ")}` : "No label was likely enough",
    next.length ? `; next come ${next.join(", ")}` : "; nothing else was likely", ". ",
    data.nearest.length && said.length ? `Of the ${data.nearest.length} past messages most like it, ${alike} ${alike === 1 ? "has" : "have"} one of these labels. ` : "",
    data.unsure ? "It should not be relied on: predictions like this one are often wrong." : "",
  ].join("");
}

function scores(data) {
  const listed = data.record.scores;
  if (!listed.length) return h("p.soft", {}, "The model knew no label yet.");
  const predicted = new Set(data.labels);
  return h("div.bars", {}, listed.slice(0, 10).map(({label, score: p}) => [
    h("a", {href: link("labels", {label})}, label, data.clusters[label] === undefined || data.clusters[label] === null ? null : h("span.note", {}, `  cluster ${data.clusters[label]}`)),
    bar(p, predicted.has(label) ? "" : "quiet"), h("span.right", {}, share(p))]));
}

/** Which words came with a label more and less often than usual, for each label predicted or true. */
function evidence(data) {
  const predicted = new Set(data.labels), truth = data.truth && new Set(data.truth);
  const role = (label) => (!truth ? "predicted" : predicted.has(label) ? (truth.has(label) ? "right" : "wrong") : "missed");
  const told = (rows) => rows.map(([word, p, n], place) => [place ? ", " : "", h("b", {}, word), ` ${share(p, 0)} of ${count(n)}`]);
  return [h("ul.list.evidence", {}, data.evidence.map((each) => h("li", {"data-key": `e${each.label}`}, h("span.badge", {class: {right: "good", wrong: "bad", missed: "warn"}[role(each.label)] ?? ""}, role(each.label)),
    h("div", {}, h("a", {href: link("labels", {label: each.label})}, each.label), h("span.note", {}, ` usually ${share(each.usual, 0)}`),
      each.for.length ? h("div", {}, "for it: ", told(each.for)) : null, each.against.length ? h("div", {}, "against it: ", told(each.against)) : null,
      each.for.length || each.against.length ? null : h("div.soft", {}, "no word of it tells"))))),
    h("p.note", {}, `How many of the messages with the word had the label, of up to ${count(data.evidence[0].messages)} before this one. The learner may weigh words otherwise.`)];
}

function votes(why) {
  if (!why || !why.labels.length) return h("p.soft", {}, "This learner does not say what its prediction is made of.");
  const experts = Object.keys(why.opinions);
  return h("div.scroll", {}, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "expert"), why.labels.map((label) => h("th.num", {scope: "col"}, label)))),
    h("tbody", {}, experts.map((expert) => h("tr", {}, h("td", {}, expert.replaceAll("_", " ")), why.labels.map((label, n) => h("td.num", {}, number(why.opinions[expert][n]), h("span.note", {}, ` × ${why.weights[expert][n].toFixed(2)}`))))))),
    h("p.note", {}, "Probability × how much it counts. “Stacked” combines the others.", why.named < 1 ? ` The sum is divided by ${why.named.toFixed(2)}, the chance that a label is named.` : ""));
}

function nearest(found) {
  if (!found.length) return h("p.soft", {}, "No past message is named.");
  return h("ul.list.nearest", {}, found.map((each) => h("li", {}, h("span.badge", {}, share(each.weight, 0)),
    h("div", {}, each.message ? h("a.mono", {href: link("messages", {at: `${each.message.partition}/${each.message.offset}`})}, each.message.id) : h("span.soft", {}, `learned message ${count(each.number)}`), " ", chips(each.labels),
      each.message?.text ? h("div.text", {title: each.message.text}, each.message.text) : null,
      each.in_common.length ? h("div.note", {}, `in common: ${each.in_common.join(", ")}`) : null))));
}
