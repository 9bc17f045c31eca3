import type { DatabaseSync } from "node:sqlite";
import { ROOT } from "./schema.ts";

/** Files whose paths are looked for: each scan of the database finds those of all. */
const MOST_PATHS = 1000;
/** Folders above one another; what is deeper is told by its last ones. */
const MOST_LEVELS = 64;

/** Where a file or folder is. */
interface Place {
  readonly parent: number;
  readonly name: string;
}

/**
 * Paths of files and folders by their numbers, from the root ("./a/b") or as far up as
 * they are known ("…/a/b"): one of the names of each. What has no name has none, nor
 * what comes behind the first thousand, and what can't be read.
 */
export function pathsOf(
  db: DatabaseSync,
  fileids: ReadonlySet<number>,
): ReadonlyMap<number, string> {
  const wanted = [...fileids].slice(0, MOST_PATHS);
  const places = new Map<number, Place>([[ROOT, { parent: ROOT, name: "." }]]);
  const find = db.prepare(
    `SELECT fileid, parent, name FROM entries
     WHERE fileid IN (SELECT value FROM json_each(?))`,
  );
  try {
    let missing = wanted.filter((fileid) => fileid !== ROOT);
    for (let level = 0; level < MOST_LEVELS && missing.length > 0; level++) {
      const parents = new Set<number>();
      for (const row of find.all(JSON.stringify(missing))) {
        const { fileid, ...place } = row as unknown as Place & {
          readonly fileid: number;
        };
        if (places.has(fileid)) continue;
        places.set(fileid, place);
        parents.add(place.parent);
      }
      missing = [...parents].filter((fileid) => !places.has(fileid));
    }
  } catch {
    // A damaged page: what it has is told without its path.
  }
  const known = wanted.filter((fileid) => places.has(fileid));
  return new Map(known.map((fileid) => [fileid, pathOf(fileid, places)]));
}

function pathOf(fileid: number, places: ReadonlyMap<number, Place>): string {
  const names: string[] = [];
  let at = fileid;
  while (at !== ROOT && names.length < MOST_LEVELS) {
    const place = places.get(at);
    if (place === undefined) break;
    names.unshift(place.name);
    at = place.parent;
  }
  return [at === ROOT ? "." : "…", ...names].join("/");
}
