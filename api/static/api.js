// The api as the page asks it: JSON, or an error with the api's own line.
import { say } from "./words.js";

export class Refusal extends Error {
  constructor(status, line) {
    super(line);
    this.status = status;
  }
}

async function ask(path, method, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await fetch(`/api/v1/${path}`, { method, headers, body: JSON.stringify(body) }).catch(() => {
    throw new Refusal(0, say("lost"));
  });
  const content = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Refusal(answer.status, content.detail);
  return content;
}

export const get = (path) => ask(path, "GET");

export const post = (path, body = {}) => ask(path, "POST", body);

export const remove = (path) => ask(path, "DELETE");

/** A path of names that may hold anything. */
export const path = (...names) => names.map(encodeURIComponent).join("/");
