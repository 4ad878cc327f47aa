// Elements, made and kept up to date. Data is only ever put in as text, never as markup.
const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== null).map(nodeOf));
  return made;
}

const nodeOf = (child) => (child instanceof Node ? child : document.createTextNode(child));

export const html = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** A button that page.js carries out: what it does, and to what. */
export const button = (text, action, subject) =>
  html("button", { type: "button", "data-action": action, "data-subject": subject }, text);

/**
 * Make the children of an element look like fresh ones, changing only what differs: focus, open rows, scrolling
 * and clicks that have begun survive. Children with a `data-key` stay what they are wherever they move.
 */
export function update(parent, fresh) {
  const wanted = new Set(fresh.map(keyOf));
  for (const child of [...parent.children]) if (keyOf(child) && !wanted.has(keyOf(child))) child.remove();
  const known = new Map([...parent.children].map((child) => [keyOf(child), child]));
  fresh.forEach((node, index) => {
    const there = parent.childNodes[index] ?? null;
    const match = keyOf(node) ? known.get(keyOf(node)) : there;
    if (match && isAlike(match, node)) become(match, node);
    const next = match && isAlike(match, node) ? match : node;
    if (next !== there) parent.insertBefore(next, there);
  });
  while (parent.childNodes.length > fresh.length) parent.lastChild.remove();
}

const keyOf = (node) => node.dataset?.key;

const isAlike = (old, fresh) => old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);

function become(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  // Whether a row is open is up to who reads it.
  const names = [...old.attributes, ...fresh.attributes].map(({ name }) => name).filter((name) => name !== "open");
  for (const name of names) {
    const value = fresh.getAttribute(name);
    if (value === null) old.removeAttribute(name);
    else if (value !== old.getAttribute(name)) old.setAttribute(name, value);
  }
  update(old, [...fresh.childNodes]);
}
