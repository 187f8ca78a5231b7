// Lines over an axis, as SVG: one crosshair for pointer and arrow keys, one scale for all of a chart.

import {compact, h, number, when} from "./dom.js";

const shown = new Map();
const LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 24;

/**
 * A chart of lines over `at`.
 * series: [{name, values, kind, format}]; marks: [{at, text, kind}]; y: [low, high] or null.
 */
export function chart(id, {title, at, series, marks = [], y = null, height = 190, width, timed, format = number}) {
  const points = at.length;
  const values = series.flatMap((each) => each.values).filter((value) => value !== null);
  if (points < 2 || !values.length) return h("figure.chart", {"data-key": id}, h("figcaption", {}, "Nothing to draw yet."), h("svg", {viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true"}));
  const [low, high] = y ?? [0, nice(Math.max(...values))];
  const [first, last] = [at[0], at[points - 1]];
  const x = (place) => LEFT + ((place - first) / (last - first || 1)) * (width - LEFT - RIGHT);
  const up = (value) => TOP + (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low || 1)) * (height - TOP - BOTTOM);
  shown.set(id, {at, series, marks, x, timed, height, format});
  const rules = [0, 0.5, 1].map((part) => low + part * (high - low));
  return h("figure.chart", {"data-key": id},
    legend(series, format),
    h("svg", {id, viewBox: `0 0 ${width} ${height}`, width, height, tabindex: 0, role: "img", "aria-label": `${title}. ${spoken(series, format)}. Arrow keys read values.`},
      rules.map((value) => [
        h("line.rule", {x1: LEFT, x2: width - RIGHT, y1: up(value), y2: up(value)}),
        h("text.axis", {x: LEFT - 8, y: up(value) + 4, "text-anchor": "end"}, axis(value, high, format)),
      ]),
      ticks(first, last, timed, width).map(([place, text, anchor]) => h("text.axis", {x: x(place), y: height - 6, "text-anchor": anchor}, text)),
      marks.filter((mark) => mark.at >= first && mark.at <= last).slice(0, 120).map((mark) => h("line.mark", {class: mark.kind, x1: x(mark.at), x2: x(mark.at), y1: TOP, y2: height - BOTTOM}, h("title", {}, mark.text))),
      series.toReversed().map((each) => h("path.line", {class: each.kind, d: path(at, each.values, x, up)})),
      h("line.cross", {y1: TOP, y2: height - BOTTOM, x1: -9, x2: -9}),
    ));
}

/** Plain numbers are short on an axis; times keep their unit. */
const axis = (value, high, format) => (format(0) === "0" || format(0) === "0.000" ? (high <= 1 && high >= 0.5 ? String(Number(value.toFixed(2))) : compact(value)) : format(value));

const legend = (series, format) => h("figcaption", {}, series.map((each) => h("span.key", {class: each.kind}, each.name, h("b", {}, format(latest(each.values))))));
const latest = (values) => values.findLast((value) => value !== null) ?? null;
const spoken = (series, format) => series.map((each) => `${each.name} ${format(latest(each.values))}`).join(", ");

function path(at, values, x, up) {
  let drawn = "", pen = "M";
  for (let n = 0; n < at.length; n += 1) {
    if (values[n] === null || values[n] === undefined) { pen = "M"; continue; }
    drawn += `${pen}${x(at[n]).toFixed(1)} ${up(values[n]).toFixed(1)}`;
    pen = "L";
  }
  return drawn;
}

/** The least of 1, 2, 2.5, 5 times a power of ten that is not below: an axis that seldom changes. */
export function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((limit) => limit >= value * 1.0001) ?? 10 * power;
}

function ticks(first, last, timed, width) {
  const many = width > 520 ? 4 : 2;
  return Array.from({length: many + 1}, (_, n) => {
    const place = first + ((last - first) * n) / many;
    return [place, timed ? when(place) : number(Math.round(place)), n === 0 ? "start" : n === many ? "end" : "middle"];
  });
}

/** A line without axes, for a row of a table. */
export function spark(values, text) {
  const top = Math.max(...values, 1e-9), wide = 96, tall = 22;
  const drawn = values.map((value, n) => `${n ? "L" : "M"}${((wide * n) / Math.max(1, values.length - 1)).toFixed(1)} ${(tall - 2 - (value / top) * (tall - 4)).toFixed(1)}`).join("");
  return h("svg.spark", {viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, role: "img", "aria-label": text}, values.length > 1 ? h("path", {d: drawn}) : null);
}

function read(svg, n) {
  const {at, series, marks, x, timed, format} = shown.get(svg.id);
  const cross = svg.querySelector(".cross");
  cross.setAttribute("x1", x(at[n]));
  cross.setAttribute("x2", x(at[n]));
  svg.dataset.at = n;
  const step = at.length > 1 ? (at[at.length - 1] - at[0]) / (at.length - 1) : 0;
  const near = marks.filter((mark) => Math.abs(mark.at - at[n]) <= 1.5 * step).slice(0, 4);
  return {
    place: timed ? when(at[n]) : `offset ${number(Math.round(at[n]))}`,
    rows: series.map((each) => [each.name, (each.format ?? format)(each.values[n]), each.kind]),
    near: near.map((mark) => mark.text),
  };
}

/** Let pointer and arrow keys read values from every chart on the page. */
export function listen(tip, voice) {
  const hide = () => {
    tip.hidden = true;
    document.querySelectorAll(".cross").forEach((cross) => { cross.setAttribute("x1", -9); cross.setAttribute("x2", -9); });
  };
  const show = (svg, n) => {
    const said = read(svg, n);
    tip.replaceChildren(h("b", {}, said.place), ...said.rows.map(([name, value, kind]) => h("div.key", {class: kind}, name, h("b", {}, value))), ...said.near.map((text) => h("div.near", {}, text)));
    tip.hidden = false;
    const box = svg.getBoundingClientRect();
    const left = box.left + (shown.get(svg.id).x(shown.get(svg.id).at[n]) * box.width) / svg.viewBox.baseVal.width;
    tip.style.left = `${Math.max(8, left + 14 + tip.offsetWidth > innerWidth ? left - tip.offsetWidth - 14 : left + 14)}px`;
    tip.style.top = `${Math.max(8, box.top + 8)}px`;
    return said;
  };
  document.addEventListener("pointermove", (event) => {
    const svg = event.target.closest?.("figure.chart svg");
    if (!svg || !shown.has(svg.id)) return hide();
    const {at, x} = shown.get(svg.id), box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let best = 0;
    for (let n = 1; n < at.length; n += 1) if (Math.abs(x(at[n]) - place) < Math.abs(x(at[best]) - place)) best = n;
    show(svg, best);
  });
  document.addEventListener("keydown", (event) => {
    const svg = event.target.closest?.("figure.chart svg");
    const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9}[event.key];
    if (!svg || step === undefined || !shown.has(svg.id)) return;
    event.preventDefault();
    const last = shown.get(svg.id).at.length - 1;
    const said = show(svg, Math.max(0, Math.min(last, Number(svg.dataset.at ?? last) + step)));
    voice.textContent = [said.place, ...said.rows.map(([name, value]) => `${name} ${value}`), ...said.near].join(", ");
  });
  document.addEventListener("focusout", (event) => { if (event.target.closest?.("figure.chart svg")) hide(); });
}


/** A horizontal bar that fills a share of its width. */
export const bar = (part, kind = "") => h("svg.meter", {viewBox: "0 0 100 8", preserveAspectRatio: "none", width: "100%", height: 8, "aria-hidden": "true"}, h("rect.track", {width: 100, height: 8, rx: 2}), h("rect.fill", {class: kind, width: Math.max(0, Math.min(100, 100 * part)).toFixed(2), height: 8, rx: 2}));
