/** How a party fills a line: what it asks for, again and again, by the doors that all have. */

import type { FileSystem } from "../../../src/vfs/mod.ts";
import {
  FileType,
  op,
  type Request,
  Stable,
  walk,
} from "../../support/client/mod.ts";
import { LARGE, makeEntry, type Where } from "./requests.ts";

const MIB = 2 ** 20;

/** What is asked for by one request, which hangs at the host. */
export interface Filler {
  /** Makes what the request is done to. */
  readonly make: (
    fs: FileSystem,
    name: string,
    where: Where,
  ) => Promise<unknown>;
  /** `path` leads to that. */
  readonly ask: (path: readonly string[]) => readonly Request[];
}

const makeLarge: Filler["make"] = (fs, name, where) =>
  makeEntry(fs, name, LARGE, where);
const makeFolder: Filler["make"] = (fs, name, where) =>
  makeEntry(fs, name, { type: "directory" }, where);

/** By what they ask for. */
export const FILLERS = {
  "READs": {
    make: makeLarge,
    ask: (path) => [...walk(path), op.read({ count: MIB })],
  },
  "WRITEs": {
    make: makeLarge,
    ask: (path) => [
      ...walk(path),
      op.write({ data: new Uint8Array(MIB / 2), stable: Stable.UNSTABLE }),
    ],
  },
  "COMMITs": {
    async make(fs, name, where) {
      const node = await makeEntry(fs, name, LARGE, where);
      await fs.write!(node, 0, new Uint8Array(64 * 1024), "unstable");
    },
    ask: (path) => [...walk(path), op.commit()],
  },
  "new names": {
    make: makeFolder,
    ask: (path) => [
      ...walk(path),
      op.create({ type: FileType.DIR, name: "new", attributes: {} }),
    ],
  },
  "SETATTRs of modes": {
    make: (fs, name, where) => makeEntry(fs, name, 1, where),
    ask: (path) => [...walk(path), op.setattr({ mode: 0o600 })],
  },
  "large cuts": {
    make: makeLarge,
    ask: (path) => [...walk(path), op.setattr({ size: 9n })],
  },
  "REMOVEs of large files": {
    make: makeLarge,
    ask: ([folder, name]) => [...walk([folder!]), op.remove(name!)],
  },
  "listings": {
    async make(fs, name, where) {
      const folder = await makeEntry(fs, name, { type: "directory" }, where);
      await makeEntry(fs, "entry", 1, { folder });
    },
    ask: (path) => [...walk(path), op.readdir()],
  },
  "GETATTRs": {
    make: (fs, name, where) => makeEntry(fs, name, 1, where),
    ask: (path) => [...walk(path), op.getattr(["type"])],
  },
} as const satisfies Record<string, Filler>;

/** What they are called by. */
export type FillerName = keyof typeof FILLERS;
