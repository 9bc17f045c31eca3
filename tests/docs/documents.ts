/** The root of the repository. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** Whether a test has no permission to read documents. */
export const noFiles: boolean =
  Deno.permissions.querySync({ name: "read" }).state !== "granted";

/** The text of a file, by its path from the root. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** Whether there is a file or folder at a path from the root. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

/** The rooms of `src/`, by their paths below it. */
export function rooms(): string[] {
  return [...foldersIn("src/")].flatMap((room) =>
    room === "std"
      ? []
      : room === "backends"
      ? [...foldersIn("src/backends/")].map((each) => `backends/${each}`)
      : [room]
  ).sort();
}

/** The modules in a folder and below it, by their paths from the root. */
export function modulesIn(folder: string): string[] {
  return filesIn(folder).filter((path) => path.endsWith(".ts"));
}

/** The files in a folder and below it, by their paths from the root. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap((
    { name, isDirectory },
  ) => isDirectory ? filesIn(`${folder}${name}/`) : `${folder}${name}`);
}

function* foldersIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield name;
  }
}
