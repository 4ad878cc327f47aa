// One line that says what an action led to.
import { Refusal } from "./api.js";
import { $ } from "./dom.js";

const SHOWN_MS = 12_000;
let timer;

export function notice(line, kind = "done") {
  $("notice").textContent = line;
  $("notice").className = kind;
  clearTimeout(timer);
  timer = setTimeout(() => { $("notice").textContent = ""; }, SHOWN_MS);
}

/** Show what the api refused; anything else is a fault of the page. */
export function complain(error) {
  if (!(error instanceof Refusal)) throw error;
  notice(error.message, "refused");
}
