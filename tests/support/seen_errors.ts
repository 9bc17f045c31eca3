/**
 * Notes which operation answered which error, for `deno task errors`, which
 * writes tests/conformance/ERRORS.md from it. Does nothing in other runs.
 */

/** The environment variable that names the folder of the notes. */
export const SEEN_ERRORS = "NFS4_SEEN_ERRORS";

/** Minor versions by the RFC that lists their errors. */
export type ListVersion = "4.0" | "4.1";

// A module belongs to one test file: Deno runs each in a world of its own.
const seen: Set<string> | undefined = begin();

function begin(): Set<string> | undefined {
  const env = Deno.permissions.querySync({
    name: "env",
    variable: SEEN_ERRORS,
  });
  if (env.state !== "granted") return undefined;
  const folder = Deno.env.get(SEEN_ERRORS);
  if (folder === undefined) return undefined;
  const notes = new Set<string>();
  addEventListener("unload", () => {
    const content = { test: Deno.mainModule, seen: [...notes].sort() };
    Deno.writeTextFileSync(
      `${folder}/${crypto.randomUUID()}.json`,
      JSON.stringify(content),
    );
  });
  return notes;
}

/** Notes that an operation answered `status`, by its name without NFS4ERR_. */
export function noteError(
  operation: string,
  minorVersion: number,
  status: string,
): void {
  const version: ListVersion = minorVersion === 0 ? "4.0" : "4.1";
  seen?.add(`${version} ${operation} ${status}`);
}
