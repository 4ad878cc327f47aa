// A row of a list: one line, and what belongs to it when it is opened.
import { html } from "./dom.js";
import { mayOperate } from "./state.js";

/** `head` is always seen; `notes` and `controls` in the opened row, the controls by those who may use them. */
export function row({ key, kind = "", head, notes = [], controls = [], links = [], isOpen = false }) {
  const shown = [...(mayOperate() ? controls : []), ...links];
  const body = [
    ...notes.filter(Boolean).map((text) => html("p", { class: "quiet" }, text)),
    ...(shown.length ? [html("div", { class: "doing" }, ...shown)] : []),
  ];
  const item = html("li", { class: kind, "data-key": key });
  if (!body.length) item.append(html("div", { class: "head" }, ...head));
  else item.append(html("details", isOpen ? { open: "" } : {}, html("summary", { class: "head" }, ...head), ...body));
  return item;
}
