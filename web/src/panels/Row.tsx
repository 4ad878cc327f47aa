// A row of a list: one line, and what belongs to it when it is opened.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { mayPress } from "../state";

interface Props {
  id: string; kind?: string; head: ComponentChildren; notes?: (string | false | null | undefined)[]; controls?: ComponentChildren; links?: ComponentChildren; isOpen?: boolean;
  /** What is made only once the row is opened, as it may ask the api. */
  more?: () => ComponentChildren;
}

/** `head` is always seen; `notes` and `controls` in the opened row, the controls by those who may use them, while the page is live. */
export function Row({ id, kind = "", head, notes = [], controls, links, isOpen = false, more }: Props) {
  const [open, setOpen] = useState(isOpen), shown = notes.filter(Boolean);
  if (!shown.length && !(mayPress.value && controls) && !links && !more) return <li class={kind} data-key={id}><div class="head">{head}</div></li>;
  return (
    <li class={kind} data-key={id}>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary class="head">{head}</summary>
        {shown.map((text) => <p key={text as string} class="quiet">{text}</p>)}
        <div class="doing">{mayPress.value && controls}{links}</div>
        {open && more?.()}
      </details>
    </li>
  );
}
