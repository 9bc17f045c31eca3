/** What the name of a content ends with that is being removed. */
const REMOVED = ".removed";
const FOLDER = /^[0-9a-f]{2}$/;
const NUMBER = /^([1-9][0-9]*)(\.removed)?$/;
/** Others that the store makes in `content/`: see `belonging.ts` and `largest_file.ts`. */
const OWN: ReadonlySet<string> = new Set(["store", "size.probe"]);

/** Where the content of a number is: in one of 256 folders, so that none of the host gets too long. */
export function folderOf(directory: string, number: number): string {
  return `${directory}/${nameOfFolder(number)}`;
}

/** The file of a content. */
export function pathOf(directory: string, number: number): string {
  return `${folderOf(directory, number)}/${number}`;
}

/** Where it is while it is being removed. */
export function removedPathOf(directory: string, number: number): string {
  return `${pathOf(directory, number)}${REMOVED}`;
}

/** A content as its folder has it. */
export interface FoundContent {
  readonly path: string;
  readonly number: number;
  /** Whether it was being removed. */
  readonly isRemoved: boolean;
}

/** All contents in `content/`, and nothing else that is there: a disk of its own has `lost+found`, say. */
export function* contentsIn(directory: string): Generator<FoundContent> {
  for (const { name: folder, isDirectory } of Deno.readDirSync(directory)) {
    if (!isDirectory || !FOLDER.test(folder)) continue;
    for (const entry of Deno.readDirSync(`${directory}/${folder}`)) {
      const found = entry.isFile ? contentOf(folder, entry.name) : undefined;
      const path = `${directory}/${folder}/${entry.name}`;
      if (found !== undefined) yield { path, ...found };
    }
  }
}

/**
 * Paths of what is in `content/` and was not made by a store: what fsck has
 * rescued, say. Not of a folder that is empty, or that this user may not look into.
 */
export function* foreignIn(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (OWN.has(name)) continue;
    if (!isDirectory) yield path;
    else if (!FOLDER.test(name)) {
      if (hasEntries(path)) yield path;
    } else {
      for (const entry of Deno.readDirSync(path)) {
        const isContent = entry.isFile && contentOf(name, entry.name);
        if (!isContent) yield `${path}/${entry.name}`;
      }
    }
  }
}

/** What a file's name in one of the folders says; `undefined` where the store gives no such name there. */
function contentOf(
  folder: string,
  name: string,
): { readonly number: number; readonly isRemoved: boolean } | undefined {
  const [, digits, removed] = NUMBER.exec(name) ?? [];
  const number = Number(digits);
  if (!Number.isSafeInteger(number)) return undefined;
  if (nameOfFolder(number) !== folder) return undefined;
  return { number, isRemoved: removed !== undefined };
}

function nameOfFolder(number: number): string {
  return (number % 256).toString(16).padStart(2, "0");
}

function hasEntries(folder: string): boolean {
  try {
    return !Deno.readDirSync(folder)[Symbol.iterator]().next().done;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
