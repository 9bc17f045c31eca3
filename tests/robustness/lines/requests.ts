/** What a client asks for that goes on with its work: every operation, each on a file of its own. */

import type { CreateKind, FileSystem } from "../../../src/vfs/mod.ts";
import {
  anonymousStateid,
  Content,
  CreateMode,
  FileType,
  LockType,
  op,
  type Request,
  type Session,
  Stable,
  walk,
} from "../../support/client/mod.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** What the host does not cut, or give back, at once. */
export const LARGE = 32 * MIB;
const FOLDER = "own";

/** Asked for when the line is full. */
type Ask = () => Promise<unknown>;

/** An operation. */
interface Row {
  /** What is there of the name: a file of so many bytes, none if left out. */
  readonly there?: number | CreateKind;
  /** Does what has to be done before. */
  readonly ready: (session: Session, name: string) => Promise<Ask> | Ask;
}

const inFolder = (...names: string[]) => walk([FOLDER, ...names]);

/** Operations on what is there. */
function on(there: number | CreateKind, ...ops: Request[]): Row {
  return {
    there,
    ready: (session, name) => () =>
      session.compound([...inFolder(name), ...ops], { cacheThis: false }),
  };
}

/** An operation on the folder and a name in it. */
function inIt(there: Row["there"], named: (name: string) => Request[]): Row {
  const ready: Row["ready"] = (session, name) => () =>
    session.compound([...inFolder(), ...named(name)]);
  return there === undefined ? { ready } : { there, ready };
}

/** An operation by the stateid of an open file. */
function opened(
  there: number,
  ...after: ((stateid: Opened, session: Session) => Request)[]
): Row {
  return {
    there,
    async ready(session, name) {
      const file = await session.open([FOLDER, name]);
      const make = after.at(-1)!;
      let { stateid } = file;
      for (const earlier of after.slice(0, -1)) {
        const reply = await session.compound([
          op.putfh(file.filehandle),
          earlier({ stateid }, session),
        ]);
        if (reply.has("LOCK")) stateid = reply.get("LOCK").stateid;
      }
      return () =>
        session.compound([
          op.putfh(file.filehandle),
          make({ stateid }, session),
        ]);
    },
  };
}

interface Opened {
  readonly stateid: Parameters<typeof op.close>[0];
}

const writing = (bytes: number, stable: number) =>
  op.write({ data: new Uint8Array(bytes), stable });
const lock = ({ stateid }: Opened, { client: { clientid } }: Session) =>
  op.lock({
    type: LockType.WRITE,
    locker: {
      openStateid: stateid,
      owner: { clientid, owner: new Uint8Array([7]) },
    },
  });
const open = (create: boolean): Row["ready"] => (session, name) => () =>
  session.open([FOLDER, name], {
    create: create
      ? { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } }
      : undefined,
  });
const over = (there: number): Row => ({
  there,
  async ready(session, name) {
    const create = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };
    const made = await session.open([FOLDER, `new ${name}`], { create });
    await session.compound([op.putfh(made.filehandle), op.close(made.stateid)]);
    return () =>
      session.compound([
        ...[...inFolder(), op.savefh()],
        op.rename(`new ${name}`, name),
      ]);
  },
});
const FROM_START = { stateid: anonymousStateid, offset: 0n };
const symlink: CreateKind = { type: "symlink", target: "somewhere" };

/** Every operation that a client's programs have it make. */
const ROWS = {
  "LOOKUP": on(1),
  "GETATTR": on(1, op.getattr(["type", "size", "change", "time_modify"])),
  "ACCESS": on(1, op.access(0x3f)),
  "READDIR": inIt(undefined, () => [op.readdir({ attributes: ["size"] })]),
  "READLINK": on(symlink, op.readlink()),
  "OPEN": { there: 1, ready: open(false) },
  "OPEN of a new file": { ready: open(true) },
  "READ of 4 KiB": on(8 * KIB, op.read({ count: 4 * KIB })),
  "READ of 1 MiB": on(2 * MIB, op.read({ count: MIB })),
  "WRITE of 4 KiB, UNSTABLE": on(0, writing(4 * KIB, Stable.UNSTABLE)),
  "WRITE of 1 MiB, UNSTABLE": on(0, writing(MIB, Stable.UNSTABLE)),
  "WRITE of 4 KiB, FILE_SYNC": on(0, writing(4 * KIB, Stable.FILE_SYNC)),
  "WRITE of 1 MiB, FILE_SYNC": on(0, writing(MIB, Stable.FILE_SYNC)),
  "COMMIT": opened(
    0,
    ({ stateid }) => op.write({ stateid, data: new Uint8Array(64 * KIB) }),
    () => op.commit(),
  ),
  "READ_PLUS": on(8 * KIB, op.readPlus({ ...FROM_START, count: 4 * KIB })),
  "SEEK": on(8 * KIB, op.seek({ ...FROM_START, what: Content.DATA })),
  "DEALLOCATE": on(8 * KIB, op.deallocate({ ...FROM_START, length: 4096n })),
  "DEALLOCATE of much": on(
    LARGE,
    op.deallocate({ ...FROM_START, length: BigInt(LARGE) }),
  ),
  "ALLOCATE": {
    there: 1,
    ready: (session, name) => () =>
      session.compound([
        ...inFolder(name),
        op.allocate({ ...FROM_START, length: BigInt(LARGE) }),
        // `sqlite` says at once that it has no such thing.
      ], { expect: "any" }),
  },
  "WRITE_SAME": on(
    0,
    op.writeSame({
      ...{ ...FROM_START, blockSize: 512n, blockCount: 256n },
      pattern: Uint8Array.of(1),
    }),
  ),
  "SETATTR of the mode": on(1, op.setattr({ mode: 0o600 })),
  "SETATTR of a size, a small cut": on(8 * KIB, op.setattr({ size: 9n })),
  "SETATTR of a size, a large cut": on(LARGE, op.setattr({ size: 9n })),
  "SETATTR of a size, to nothing": on(LARGE, op.setattr({ size: 0n })),
  // What is cut after the answer is waited for here.
  "READ after a large cut": {
    there: LARGE,
    ready: (session, name) => async () => {
      for (const operation of [op.setattr({ size: 9n }), op.read()]) {
        await session.compound([...inFolder(name), operation]);
      }
    },
  },
  "CREATE": inIt(undefined, (name) => [
    op.create({ type: FileType.DIR, name, attributes: { mode: 0o755 } }),
  ]),
  "LINK": on(
    1,
    op.savefh(),
    ...inFolder(),
    op.link("another name"),
  ),
  "RENAME": inIt(1, (name) => [op.savefh(), op.rename(name, "renamed")]),
  "RENAME over a file": over(1),
  "RENAME over a large file": over(LARGE),
  "REMOVE": inIt(1, (name) => [op.remove(name)]),
  "REMOVE of a large file": inIt(LARGE, (name) => [op.remove(name)]),
  "CLOSE": opened(1, ({ stateid }) => op.close(stateid)),
  "LOCK": opened(1, lock),
  "LOCKU": opened(1, lock, ({ stateid }) => op.locku({ stateid })),
} as const satisfies Record<string, Row>;

/** The name of an operation. */
export type Operation = keyof typeof ROWS;

/** All of them. */
export const OPERATIONS = Object.keys(ROWS) as Operation[];

/** Makes what the operations are done to. */
export async function makeOwn(fs: FileSystem): Promise<void> {
  const folder = await makeEntry(fs, FOLDER, { type: "directory" });
  for (const [name, { there }] of Object.entries<Row>(ROWS)) {
    if (there !== undefined) await makeEntry(fs, name, there, { folder });
  }
}

/** Where an entry is made, and whose it is: in the root, and root's if left out. */
export interface Where {
  readonly folder?: object;
  readonly uid?: number;
}

/** Makes a file of so many bytes, or something else. */
export async function makeEntry(
  fs: FileSystem,
  name: string,
  there: number | CreateKind,
  { folder = fs.root(), uid = 0 }: Where = {},
): Promise<object> {
  const attributes = { mode: 0o777, uid, gid: 0 };
  const isFile = typeof there === "number";
  const { node } = await fs.create!(
    folder,
    name,
    isFile ? { type: "file" } : there,
    { attributes: isFile ? { ...attributes, size: there } : attributes },
  );
  // What was never written is no work to cut.
  if (there === LARGE) {
    await fs.write!(node, LARGE - 1, new Uint8Array(1), "unstable");
  }
  return node;
}

/** Gets ready for each operation; they are asked for one after the other, in this order. */
export async function readyFor(
  session: Session,
): Promise<Map<Operation, Ask>> {
  const asks = new Map<Operation, Ask>();
  for (const operation of OPERATIONS) {
    const { ready }: Row = ROWS[operation];
    asks.set(operation, await ready(session, operation));
  }
  return asks;
}
