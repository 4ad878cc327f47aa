// What a view shows as a file, made by the api: all rows, with units and flags.
import { ROOT } from "../api";
import { say } from "../words/words";

export const fileOf = (path: string, format: "csv" | "parquet") => `${ROOT}${path}${path.includes("?") ? "&" : "?"}format=${format}`;

export function Export({ path }: { path: string }) {
  return (
    <p class="quiet export">
      {say("save-as")} <a href={fileOf(path, "csv")} download>CSV</a> · <a href={fileOf(path, "parquet")} download>Parquet</a>
    </p>
  );
}
