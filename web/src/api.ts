// Requests to the api. What it refuses comes with a line that says why.
import { say } from "./words/words";

export class Refusal extends Error {
  constructor(readonly status: number, line: string) { super(line); }
}

/** A finished run that was dropped, and each of several sites, lies below an address of its own. */
export const BASE = /^\/(?:runs|sites)\/[^/]+\//.exec(location.pathname)?.[0] ?? "/";
export const ROOT = `${BASE}api/v1/`;
const MOST_PAGES = 60;

async function ask<T>(address: string, method: string, body?: unknown): Promise<{ content: T; next?: string }> {
  const isFile = body instanceof Blob, headers: HeadersInit = body === undefined ? {} : { "Content-Type": isFile ? "application/octet-stream" : "application/json" };
  const answer = await fetch(address, { method, headers, body: body === undefined ? null : isFile ? body : JSON.stringify(body) }).catch(() => {
    throw new Refusal(0, say("lost"));
  });
  const content = answer.status === 204 ? null : await answer.json().catch(() => undefined);
  if (!answer.ok) throw new Refusal(answer.status, content?.detail ?? `${answer.status} ${answer.statusText}`);
  // The connection broke off within the answer.
  if (content === undefined) throw new Refusal(0, say("lost"));
  const next = /^<\/api\/v1\/(.+)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1];
  return next ? { content, next: ROOT + next } : { content };
}

const once = async <T>(path: string, method: string, body?: unknown) => (await ask<T>(ROOT + path, method, body)).content;

export const get = <T>(path: string) => once<T>(path, "GET");

/** A whole list, which comes a page at a time. */
export async function getAll<T>(path: string): Promise<T[]> {
  const rows: T[] = [];
  let address: string | undefined = ROOT + path;
  for (let page = 0; address && page < MOST_PAGES; page += 1) {
    const part: { content: T[]; next?: string } = await ask<T[]>(address, "GET");
    rows.push(...part.content);
    address = part.next;
  }
  return rows;
}

export const post = <T = unknown>(path: string, body: unknown = {}) => once<T>(path, "POST", body);
export const remove = (path: string) => once<unknown>(path, "DELETE");

/** A path of names that may hold anything. */
export const path = (...names: string[]) => names.map(encodeURIComponent).join("/");
