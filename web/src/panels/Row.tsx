// A row of a list: one line, and what belongs to it when it is opened.
import type { ComponentChildren } from "preact";
import { isPast, mayOperate } from "../state";

interface Props {
  id: string; kind?: string; head: ComponentChildren; notes?: (string | false | null | undefined)[]; controls?: ComponentChildren; links?: ComponentChildren; isOpen?: boolean;
}

/** `head` is always seen; `notes` and `controls` in the opened row, the controls by those who may use them, while the page is live. */
export function Row({ id, kind = "", head, notes = [], controls, links, isOpen = false }: Props) {
  const shown = notes.filter(Boolean), mayPress = mayOperate.value && !isPast.value;
  if (!shown.length && !(mayPress && controls) && !links) return <li class={kind} data-key={id}><div class="head">{head}</div></li>;
  return (
    <li class={kind} data-key={id}>
      <details open={isOpen}>
        <summary class="head">{head}</summary>
        {shown.map((text) => <p key={text as string} class="quiet">{text}</p>)}
        <div class="doing">{mayPress && controls}{links}</div>
      </details>
    </li>
  );
}
