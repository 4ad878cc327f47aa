// Login. Where keys are used, the page asks for a key once; the browser keeps it in a cookie that no script can read.
import { get, post, remove } from "./api.js";
import { $, html, update } from "./dom.js";
import { mayOperate, state } from "./state.js";
import { say } from "./words.js";

/** Ask who the key belongs to, and for a key until there is one that is known. */
export async function letIn() {
  let wrong = "";
  for (;;) {
    try {
      state.me = await get("session");
    } catch (error) {
      wrong = error.message;
    }
    if (state.me.role) return;
    const key = await askForKey(wrong);
    wrong = await post("session", { key }).then(() => "", (error) => error.message);
  }
}

async function askForKey(wrong) {
  $("door-wrong").textContent = wrong;
  $("door-key").value = "";
  $("door").showModal();
  await new Promise((done) => $("door").addEventListener("close", done, { once: true }));
  return $("door-key").value.trim() || "-";
}

/** Forget the key, and begin anew. */
export async function leave() {
  await remove("session");
  location.reload();
}

export function drawMe() {
  const { name, role } = state.me, hasKey = name !== "local";
  const words = hasKey ? [`${name} · ${say("role", role)}${mayOperate() ? "" : ` (${say("reads-only")})`}`] : [];
  update($("me"), words.map((word) => html("span", {}, word)));
  $("leave").hidden = !hasKey;
}
