// Dead letters: why they cannot be used, what is in them, and sending them again once they are mended.

import {by, form, reason} from "./acting.js";
import {card, count, empty, h, link, when} from "./dom.js";

export async function letters(parameters, head, {ask, acts}) {
  const {at, reason: chosen = "", page = "0"} = parameters;
  const data = await ask("letters", {reason: chosen, page});
  const opened = at ? data.letters.find((each) => place(each) === at) : null;
  const inside = opened && acts !== null ? await content(opened, ask) : null;
  if (!data.kept) return [head, empty("No dead letter seen", "An event that cannot be used would stand here, with the reason.")];
  return [
    head,
    h("div.facets", {}, Object.entries(data.reasons).map(([name, n]) => h("a.facet", {"data-key": name, role: "button", href: link("messages", {...parameters, at: "", page: "", reason: name === chosen ? "" : name}), "aria-pressed": String(name === chosen)}, name, h("b", {}, count(n))))),
    h("div.grid", {},
      h(at ? "div.half" : "div", {}, card("Dead letters", `newest first, of ${count(data.kept)} kept here`, list(data, parameters), pager(data, parameters))),
      at ? h("div.half.stack.detail", {}, opened ? card("Dead letter", h("a", {href: link("messages", {...parameters, at: ""})}, "close"), detail(opened, inside, acts)) : card(`Dead letter ${at}`, null, empty("It is not on this page of them", "The dashboard keeps the latest dead letters."))) : null),
  ];
}

const place = (each) => `${each.partition}/${each.at}`;

/** The opened letter's content, read once from its topic. */
let read = {};
async function content(each, ask) {
  if (read.place !== place(each)) read = {place: place(each), found: await ask("letter", {partition: each.partition, at: each.at})};
  return read.found;
}

const list = (data, parameters) => h("ul.list", {}, data.letters.map((each) =>
  h("li", {"data-key": place(each), "aria-selected": place(each) === parameters.at ? "true" : null}, h("span.badge.bad", {}, each.reason || "unknown"),
    h("a.clip.rowlink", {href: link("messages", {...parameters, at: place(each)}), title: each.detail}, each.detail || "no detail"),
    each.resent ? h("span.badge.good", {}, "sent again") : null, h("span.note", {}, when(each.time)))));

const pager = (data, parameters) => data.pages > 1 ? h("div.pager", {}, [data.page - 1, data.page + 1].map((n, later) => n >= 0 && n < data.pages ? h("a", {href: link("messages", {...parameters, page: n})}, later ? "older →" : "← newer") : null)) : null;

function detail(each, inside, acts) {
  const facts = [["Why", each.detail], ["Of", `${each.source}, partition ${each.partition}, offset ${count(each.offset)}`], ["Written", when(each.time)]];
  if (inside && !inside.problem) facts.push(["Key", inside.key ?? "none"], ["Size", `${count(inside.bytes)} bytes`], ...inside.headers);
  return [
    h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    !inside ? h("p.note", {}, "Its content is on the stream's own dead letters.") : inside.problem ? h("p.note", {}, inside.problem) : again(each, inside, acts),
  ];
}

function again(each, inside, acts) {
  const value = inside.value === null ? h("p.note", {}, inside.bytes ? "This dashboard shows nothing of what events say." : "It has no value.")
    : h("textarea", {name: "value", rows: 12, spellcheck: "false", "aria-label": "Value", readonly: !inside.text || !acts}, inside.value);
  const binary = inside.value !== null && !inside.text ? h("p.note", {}, "It is no UTF-8, so it cannot be mended here; � stands for what cannot be shown.") : null;
  if (each.resent) return [value, binary, h("p", {}, h("span.badge.good", {}, "sent again"), ` by ${each.resent.by}, ${when(each.resent.at)}`)];
  if (!acts) return [value, binary, h("p.note", {}, "To mend it and send it again, give the dashboard a token (dashboard.token).")];
  return form("resend", place(each), {partition: each.partition, at: each.at}, value, binary, by(), reason(false), h("button", {}, "Send again"));
}
