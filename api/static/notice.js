// One line that says what became of what somebody did.
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

/** Tell what the api refused; anything else is a fault of the page. */
export function complain(error) {
  if (!(error instanceof Refusal)) throw error;
  notice(error.message, "refused");
}
