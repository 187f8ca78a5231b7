// Forms whose answers change something on the stream, and what came of it.

import {h} from "./dom.js";

/** Milliseconds for an answer: the broker may have to be waited for. */
const ANSWER_MS = 60000;

const field = (text, input) => h("label.field", {}, h("span", {}, text), input);

export const by = () => field("Your name", h("input", {name: "by", required: true, maxlength: 100, autocomplete: "name", value: localStorage.getItem("name") ?? ""}));
export const reason = (required) => field("Why", h("input", {name: "reason", required, maxlength: 1000}));
export const choice = (text, name, options) => field(text, h("select", {name}, options.map(([value, said]) => h("option", {value}, said))));

/** A form that is sent as JSON: its fields, with the fixed ones in `given`. */
export const form = (name, key, given, ...children) =>
  h("form.act", {"data-act": name, "data-key": `${name} ${key}`, "data-given": JSON.stringify(given)}, ...children, h("output", {"aria-live": "polite"}));

/** What a form says: what an option stands for is spread, and a text that nobody changed is left out. */
function said(form, submitter) {
  const {about, hours, ...given} = Object.fromEntries(new FormData(form, submitter));
  const text = form.elements.value;
  if (text && text.value === text.defaultValue.replace(/\r\n?/g, "\n")) delete given.value;
  return {...JSON.parse(form.dataset.given), ...given, ...(about ? JSON.parse(about) : {}), ...(hours ? {hours: Number(hours)} : {})};
}

export async function submitted(event) {
  const form = event.target;
  if (!form.dataset?.act) return;
  event.preventDefault();
  if (form.busy) return;
  form.busy = true;
  const told = form.querySelector("output");
  const tell = (text, kind) => { told.textContent = text; told.className = kind; };
  tell("…", "");
  try {
    const wanted = said(form, event.submitter);
    if (wanted.by) localStorage.setItem("name", wanted.by);
    const answer = await fetch(`api/${form.dataset.act}`, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(wanted), signal: AbortSignal.timeout(ANSWER_MS)});
    if (answer.status === 401) location.assign("login");
    const {done, problem} = await answer.json().catch(() => ({problem: `Not the dashboard, but a proxy before it answered, with status ${answer.status}.`}));
    tell(done ?? problem, answer.ok ? "good" : "bad");
  } catch {
    tell("No answer came. Whether it was done, this page shows once the server answers again.", "bad");
  }
  form.busy = false;
}
