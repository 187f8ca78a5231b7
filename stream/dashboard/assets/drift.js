// What changed, since when, at what cost, what was done and whether it is over; and the messages before and after.

import {by, choice, form, reason} from "./acting.js";
import {chart} from "./charts.js";
import {card, count, empty, h, link, number, scope, score, share, stacked, when} from "./dom.js";
import {table} from "./messages.js";

export async function drift(parameters, {ask, head, width, acts}) {
  const {at, count: many = 12, incident: chosen, ...wanted} = parameters;
  const data = await ask("drift", {...wanted, incident: chosen, count: many});
  if (!data.kept && !data.findings_total) return [h("div.viewhead", {}, h("h1", {}, "Drift")), head.ready || head.level === "bad"
    ? empty("No drift seen", "Monitors watch errors, labels, vectors and the inputs, and write here what changed and since when. None has found anything yet.")
    : empty("Reading what is there", "Drift events are being read.")];
  const near = at ? await around(at, Number(many), ask) : data.near;
  return [
    h("div.viewhead", {}, h("h1", {}, "Drift"), h("span.note", {}, `${count(data.incidents.length)} ${data.incidents.length === 1 ? "incident" : "incidents"} of ${count(data.kept)} drift events`), h("span.grow"), near || chosen ? h("a", {href: link("drift")}, "all incidents") : null),
    h("div.stack", {},
      data.opened ? card("Incident", null, h("ul.incidents", {}, incident(data.opened)), more(data.opened), decide(data, acts)) : null,
      near ? detail(near, !at, Number(many), parameters) : null,
      data.opened || near ? null : timeline(data, width - 38),
      data.opened || near ? null : list(data),
      data.opened || near || !data.decisions.length ? null : decided(data, acts),
      data.opened || near || !data.outside_total ? null : outside(data),
      data.opened || near || !data.findings_total ? null : findings(data, acts),
      h("details.card", {open: false}, h("summary", {}, `${chosen ? "Its drift events" : "All drift events and findings"}: ${count(data.total)}`), facets(data, parameters), events(data)),
      data.opened || near ? null : h("details.card", {}, h("summary", {}, "What the monitors measure"), levels(data, width)),
    ),
  ];
}

const STATES = {true: ["good", "over"], false: ["bad", "goes on"], null: ["", "not known whether over"]};

/** An incident in sentences: what, since when, at what cost, what was done, and whether it is over. */
export function incident(each) {
  const [kind, word] = each.effect?.over_after === 0 ? ["good", "no harm"] : STATES[each.over];
  return h("li.incident", {"data-key": `i${each.number}`, class: each.severity},
    h("div", {}, h("span.badge", {class: {serious: "bad", notable: "warn"}[each.severity] ?? ""}, each.severity), " ", h("span.badge", {class: kind}, word), each.recurs ? [" ", h("span.badge", {}, "recurs")] : null, each.decision ? [" ", h("span.badge.good", {}, each.decision.decision)] : null),
    h("a.rowlink", {href: link("drift", {incident: each.number})}, `${each.title}.`),
    h("p.soft", {}, [`It began ${count(each.ago)} ${each.ago === 1 ? "message" : "messages"} ago${each.time ? `, at ${when(each.time)}` : ""}${each.partitions.length > 1 ? `, on ${each.partitions.length} partitions` : ""}.`, cost(each), each.labels.length ? `Most wrong since: ${each.labels.map(([name]) => name).join(", ")}.` : null, `${each.action}.`, each.seen_before ? `These labels changed ${each.seen_before === 1 ? "once" : `${count(each.seen_before)} times`} before.` : null, each.decision && `${inWords(each.decision)}.`].filter(Boolean).join(" ")));
}

/** A decision in words: who, why and until when. */
const inWords = (each) => `${each.decision[0].toUpperCase()}${each.decision.slice(1)} by ${each.by}${each.until ? ` until ${when(each.until)}` : ""}${each.reason ? `: ${each.reason}` : ""}`;

const FOR = [["", "for good"], ["1", "an hour"], ["24", "a day"], ["168", "a week"], ["720", "30 days"]];

/** Acknowledge an incident, or mute it, its labels or its kinds. */
function decide(data, acts) {
  if (!acts) return h("p.note", {}, "To acknowledge or mute it for everybody, give the dashboard a token (dashboard.token).");
  const subjects = data.events.filter((each) => ["prior", "correlation"].includes(each.scope)).flatMap((each) => each.subject.split(" + ")).filter((name) => name !== "stream");
  const kinds = data.events.map((each) => each.detector.split("/")[0]);
  const about = (what, name, text) => [JSON.stringify({what, name}), text];
  const options = [about("incident", data.opened.name, "this incident"), ...[...new Set(subjects)].slice(0, 20).map((name) => about("label", name, `changes of the label “${name}”`)), ...[...new Set(kinds)].map((name) => about("detector", name, `all changes of the kind “${name}”`))];
  return h("details", {}, h("summary", {}, "Acknowledge or mute"), form("decide", data.opened.name, {}, by(), reason(true), choice("What", "about", options), choice("For", "hours", FOR),
    h("span", {}, h("button", {name: "decision", value: "acknowledged"}, "Acknowledge"), " ", h("button", {name: "decision", value: "muted"}, "Mute"))));
}

const OF = {incident: "An incident", label: "Label", detector: "Kind"};

const decided = (data, acts) => h("details.card", {}, h("summary", {}, `Acknowledged and muted: ${count(data.decisions.length)}`), h("ul.list", {}, data.decisions.map((each) =>
  h("li", {"data-key": each.key}, h("span.clip", {title: each.name}, `${OF[each.what]}${each.what === "incident" ? "" : ` “${each.name}”`}: ${inWords(each)}`), h("span.note", {}, when(each.at)), acts ? form("withdraw", each.key, {key: each.key}, h("button", {}, "Take back")) : null))));

function cost({effect, cluster}) {
  if (!effect) return "What it did to the scores is not known: too few messages around it are kept with their labels.";
  if (effect.over_after === 0) return `Micro-F1 stayed at ${score(effect.lowest)} or above (${score(effect.before)} before).`;
  return `Micro-F1 fell from ${score(effect.before)} to ${score(effect.lowest)}${cluster ? `, of its cluster ${cluster.cluster} from ${score(cluster.before)} to ${score(cluster.after)}` : ""}; ${effect.over_after === null ? `it is ${score(effect.now)} and has not recovered.` : `recovered after ${count(effect.over_after)} messages.`}`;
}

/** The marks of incidents on a chart. */
export const marks = (data) => data.incidents.map((each) => ({at: data.timed ? each.time : each.offset, text: each.title, kind: `scope-${each.severity}`}));

const timeline = (data, width) => card("Scores", "vertical lines: where incidents began", chart("timeline", {title: "Scores and incidents", at: data.rolling.at, timed: data.timed, width, height: 170, y: [0, 1], format: score, marks: marks(data), series: [
  {name: "micro-F1", values: data.rolling.micro_f1, kind: ""},
  {name: "repeating the previous labels", values: data.rolling.persistence_micro_f1, kind: "dashed"},
]}));

const list = (data) => card("Incidents", "what goes on, then the worst, then the newest; each is all alarms of one change", data.incidents.length
  ? h("ul.incidents", {}, data.incidents.map(incident))
  : h("p.soft", {}, "No change. What stands below are relations of labels and what the learner did."));

const CREDITED = "What the learner did to its clusters is told of an incident from its beginning until 500 messages after its latest alarm; and of later, for up to 5,000 messages, what it did before the scores had recovered or to a label that was hit. Where there are several, it is told of the latest one.";

function more(each) {
  const shares = (rows, format) => h("table", {}, h("tbody", {}, rows.map(([name, before, after]) => h("tr", {}, h("td", {}, name), h("td.num", {}, `${format(before)} → ${format(after)}`)))));
  const part = (title, rows) => h("div.third", {}, h("h3", {}, title), rows);
  return h("div.grid", {},
    h("p.note", {}, `Shares in sentences are the detector's: of the messages before the change began, and of those from then until it was noticed. Micro-F1 fell to that of the worst 250 messages since. All else is of up to 500 messages before and after the beginning. ${CREDITED}`),
    each.also.length ? part("Also changed", h("ul", {}, each.also.map((text) => h("li", {}, text)))) : null,
    each.cluster ? part("Cluster of the label that it hit most", [shares([[`micro-F1 of cluster ${each.cluster.cluster}`, each.cluster.before, each.cluster.after]], score), h("p.note", {}, `Its labels now: ${each.cluster.labels.slice(0, 8).join(", ")}${each.cluster.labels.length > 8 ? `, and ${count(each.cluster.labels.length - 8)} more` : ""}`)]) : null,
    each.labels.length ? part("Labels that are wrong more often", shares(each.labels.map(([name, ...rest]) => [h("a", {href: link("messages", {which: "wrong", label: name})}, name), ...rest]), share)) : null,
    each.segments.length ? part("Messages that are wrong more often: those with", shares(each.segments.map(([name, ...rest]) => [h("a", {href: link("messages", {which: "wrong", q: name})}, name), ...rest]), share)) : null,
    each.words.length ? part("Words that moved most", shares(each.words, share)) : null);
}

const outside = (data) => h("details.card", {}, h("summary", {}, `Clusters changed outside incidents: ${count(data.outside_total)}`), h("p.note", {}, `The learner goes on sorting its labels as it learns. ${CREDITED}`),
  h("ul.list.columns", {}, data.outside.map((each) => h("li", {"data-key": `o${each.number}`}, h("span", {}, each.said), h("span.note", {}, when(each.time) || `offset ${count(each.offset)}`)))));

const findings = (data, acts) => h("details.card", {}, h("summary", {}, `Findings about labels: ${count(data.findings_total)}`), h("p.note", {}, "Relations that hold, which are no change. Nothing is done about them by itself; Those that are proposed can be accepted, here with the token, or with “ithaca taxonomy”."),
  h("ul.list.columns", {}, data.findings.map((each) => h("li", {"data-key": `f${each.number}`}, h("span", {}, each.said), each.action === "proposed" ? [h("span.badge", {title: `${each.control.operation} ${each.control.label}: ${each.control.to.join(", ")}`}, "proposed"), acts ? form("accept", each.number, each.control, h("button", {}, "Accept")) : null] : null))));

function facets(data, parameters) {
  return h("dl", {}, Object.entries(data.facets).map(([name, counts]) => [
    h("dt", {}, name),
    h("dd.facets", {}, Object.entries(counts).slice(0, 14).map(([value, n]) => {
      const on = parameters[name] === value;
      return h("a.facet", {"data-key": `${name}${value}`, role: "button", href: link("drift", {...parameters, [name]: on ? "" : value}), "aria-pressed": String(on)}, value, h("b", {}, count(n)));
    })),
  ]));
}

const known = (x) => x !== undefined && x !== null;

function events(data) {
  if (!data.events.length) return empty("Nothing matches the filter", "Take one of its parts away to see more.");
  return h("div.scroll", {}, stacked(h("table", {},
    h("thead", {}, h("tr", {}, ["when", "scope", "what"].map((name) => h("th", {scope: "col"}, name)), ["began", "statistic", "threshold", "p"].map((name) => h("th.num", {scope: "col"}, name)), h("th", {scope: "col"}, ""))),
    h("tbody", {}, data.events.map((each) =>
      h("tr", {"data-key": `d${each.number}`},
        h("td", {}, when(each.time), h("span.note", {}, ` ${each.partition}/${count(each.offset)}`)), h("td", {}, scope(each.scope)), h("td", {title: each.detector}, each.said),
        h("td.num", {}, known(each.since) ? `${count(each.since)} before` : ""), h("td.num", {}, number(each.statistic)), h("td.num", {}, number(each.threshold)), h("td.num", {}, known(each.p) ? each.p.toExponential(1) : ""),
        h("td.right", {}, h("a.rowlink", {href: link("drift", {at: `${each.partition}/${each.offset}`})}, "messages"))))))));
}

async function around(at, many, ask) {
  const [partition, offset] = at.split("/");
  return ask("around", {partition, offset, count: many});
}

function detail(found, spaced, many, parameters) {
  const head = spaced && found.all ? null : h("a", {href: link("drift", {...parameters, count: many * 2})}, "more");
  if (!found.messages.length) return card("Messages before and after", null, empty("These messages are no longer here", `The dashboard keeps the latest messages of each partition; partition ${found.partition} begins at offset ${count(found.first)}. A replay of that stretch shows them.`));
  const [before, after] = found.wrong.map((n, half) => (found.known[half] ? `${count(n)} of ${count(found.known[half])} (${share(n / found.known[half], 0)})` : "not known"));
  const said = spaced ? `Wrong in the messages before it began: ${before}; from offset ${count(found.offset)} until it was noticed: ${after}.${found.all ? "" : " Some of each are shown, evenly spaced."}` : `Wrong before offset ${count(found.offset)}: ${before}; from there on: ${after}.`;
  return card("Messages before and after", head, h("p.soft", {}, said), table(found.messages, {here: found.offset, drift: found.drift}));
}

function levels(data, width) {
  const names = Object.keys(data.levels).filter((name) => data.levels[name].figures.length > 1).sort();
  const half = width > 1010 ? (width - 16) / 2 - 38 : width - 38;
  return h("div.grid", {}, names.map((name) => h("div.half", {"data-key": name}, level(name, data.levels[name], half))));
}

function level(name, {partition, figures}, width) {
  const column = (n) => figures.map((each) => each[n]);
  return [h("h3", {}, name, h("span.note", {}, ` partition ${partition}, the nearest to its threshold`)), chart(`level-${name}`, {title: name, at: column(0), timed: column(0)[0] > 1e9, width, height: 100, series: [
    {name: "statistic", values: column(1), kind: ""},
    {name: "threshold", values: column(2), kind: "dashed"},
  ]})];
}
