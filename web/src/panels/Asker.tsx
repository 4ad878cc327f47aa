// A line to fill in: a note, or a name.
import { act } from "../notice";

interface Props { label: string; button: string; value?: string; mayBeEmpty?: boolean; names?: string[]; send: (text: string) => Promise<unknown> }

export function Asker({ label, button, value = "", mayBeEmpty = false, names = [], send }: Props) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement, text = String(new FormData(form).get("text") ?? "").trim();
    if (!text && !mayBeEmpty) return;
    void act(async () => { await send(text); form.reset(); });
  };
  const list = names.length ? `names-${label}` : undefined;
  return (
    <form class="inline" onSubmit={submit}>
      <input name="text" maxLength={mayBeEmpty ? 100 : 2000} aria-label={label} placeholder={label} defaultValue={value} {...(list ? { list } : {})} />
      {list && <datalist id={list}>{names.map((name) => <option key={name} value={name} />)}</datalist>}
      <button>{button}</button>
    </form>
  );
}
