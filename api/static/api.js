// The api as the page asks it: JSON, or an error with the api's own line.
import { say } from "./words.js";

export class Refusal extends Error {
  constructor(status, line) {
    super(line);
    this.status = status;
  }
}

const ROOT = "/api/v1/", MOST_PAGES = 60;

async function ask(address, method, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await fetch(address, { method, headers, body: JSON.stringify(body) }).catch(() => {
    throw new Refusal(0, say("lost"));
  });
  const content = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Refusal(answer.status, content.detail);
  return { content, next: /^<(.+)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1] };
}

const once = async (path, method, body) => (await ask(ROOT + path, method, body)).content;

export const get = (path) => once(path, "GET");

/** A whole list, which comes a page at a time. */
export async function getAll(path) {
  const rows = [];
  let address = ROOT + path;
  for (let page = 0; address && page < MOST_PAGES; page += 1) {
    const { content, next } = await ask(address, "GET");
    rows.push(...content);
    address = next;
  }
  return rows;
}

export const post = (path, body = {}) => once(path, "POST", body);

export const remove = (path) => once(path, "DELETE");

/** A path of names that may hold anything. */
export const path = (...names) => names.map(encodeURIComponent).join("/");
