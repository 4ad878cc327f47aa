// A finished run: the folder that `jeonju run` wrote, dropped onto the page or chosen, opens beside the city.
import { post } from "../api";
import { act, say as notice } from "../notice";
import { mayAdminister } from "../state";
import { say } from "../words/words";

const WANTED = /^(readings|truth|alerts|sources)\.parquet$|^(events|score|run)\.json$/;
const MOST_BYTES = 256 * 2 ** 20;

/** The files of a run among those of a folder, by name. */
export const filesOf = (files: readonly File[]): File[] => [...new Map(files.filter(({ name }) => WANTED.test(name)).map((file) => [file.name, file])).values()];

async function open(files: File[]): Promise<void> {
  const found = filesOf(files), bytes = found.reduce((sum, { size }) => sum + size, 0);
  if (!found.length) return notice(say("run-none"), "refused");
  if (bytes > MOST_BYTES) return notice(say("run-too-large"), "refused");
  notice(say("run-opening"));
  const parts = found.map(({ name, size }) => `part=${encodeURIComponent(`${name}:${size}`)}`).join("&");
  const { url } = await post<{ url: string }>(`runs?${parts}`, new Blob(found));
  location.href = `${url}#/simulation`;
}

/** The files that were dropped, and those in folders that were. */
async function dropped(items: DataTransferItemList): Promise<File[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const inFolder = (folder: FileSystemDirectoryEntry) => new Promise<FileSystemEntry[]>((resolve, reject) => folder.createReader().readEntries(resolve, reject));
  const all = (await Promise.all(entries.map((entry) => (entry.isDirectory ? inFolder(entry as FileSystemDirectoryEntry) : [entry])))).flat();
  return Promise.all(all.filter((entry) => entry.isFile && WANTED.test(entry.name)).map((entry) =>
    new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))));
}

export function takeDrops(): void {
  addEventListener("dragover", (event) => { if (mayAdminister.value) event.preventDefault(); });
  addEventListener("drop", (event) => {
    const items = event.dataTransfer?.items;
    if (!mayAdminister.value || !items?.length) return;
    event.preventDefault();
    void act(async () => open(await dropped(items)));
  });
}

export function RunChooser() {
  return (
    <section>
      <h2>{say("finished-runs")}</h2>
      <p class="quiet">{say("run-how")}</p>
      <label class="button">{say("run-choose")}
        <input id="run" type="file" class="unseen" ref={(input) => { input?.setAttribute("webkitdirectory", ""); }}
          onChange={(event) => { const files = [...event.currentTarget.files ?? []]; void act(() => open(files)); }} /></label>
    </section>
  );
}
