/** The client of `../hostile.ts` that holds as much as a server lets it. */

import { Status } from "../../../src/nfs4/constants.ts";
import {
  bytesOf,
  LockType,
  op,
  type OpenedFile,
  openSession,
  type Owner,
  type Request,
  type Session,
  SessionClient,
  type Stateid,
  TO_END,
} from "../../support/client/mod.ts";

const NO_DELEGATION = 0x400;
const WANT_READ_DELEGATION = 0x100;
const BOTH = 3;
/** A COMPOUND has 64 operations at most; SEQUENCE is one, and a file handle or two. */
const PER_COMPOUND = 60;
const IN_FLIGHT = 8;
const PAGE = 65_536n;

/** Calls `send` for the numbers below `count`, some at a time. */
export async function each(
  count: number,
  send: (number: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < count) await send(next++);
  }));
}

/** The client, and what a measurement needs of it. */
export class Holder implements AsyncDisposable {
  readonly session: Session;
  /** The file that it has locked. */
  file!: OpenedFile;
  /** Its locks there. */
  lock!: Stateid;

  private constructor(session: Session) {
    this.session = session;
  }

  /** Connects. */
  static async connect(port: number, name = "holder"): Promise<Holder> {
    const fore = { maxoperations: 64, maxrequests: 32 };
    const options = { port, owner: name, fore } as const;
    return new Holder(
      await openSession({ ...options, fore: { ...foreOf(), ...fore } }),
    );
  }

  /** Opens of the file "f", each by an owner of its own. */
  async openMany(count: number): Promise<void> {
    const perCompound = PER_COMPOUND / 2;
    await each(Math.ceil(count / perCompound), (n) => {
      const requests: Request[] = [];
      for (let i = 0; i < perCompound; i++) {
        requests.push(op.putrootfh(), this.openRequest("f", `open ${n} ${i}`));
      }
      return this.session.compound(requests, { cacheThis: false });
    });
  }

  /** An OPEN of a name in the current folder. */
  openRequest(name: string, owner: string, wish = NO_DELEGATION): Request {
    return op.open({
      access: (wish === NO_DELEGATION ? BOTH : 1) | wish,
      owner: this.owner(owner),
      claim: { claim: "null", name },
    });
  }

  /** Opens a file to lock it. */
  async openFile(name: string): Promise<OpenedFile> {
    return await this.session.open([name], { access: BOTH | NO_DELEGATION });
  }

  /** Locks every other byte of "w0", but the last ones. */
  async lockMany(count: number): Promise<void> {
    this.file = await this.openFile("w0");
    const owner = this.owner("locker");
    const locked = await this.session.compound([
      op.putfh(this.file.filehandle),
      op.lock({
        offset: 0n,
        length: 1n,
        locker: { openStateid: this.file.stateid, owner },
      }),
    ]);
    this.lock = { ...locked.get("LOCK").stateid, seqid: 0 };
    await each(Math.ceil((count - 1) / PER_COMPOUND), (n) => {
      const requests: Request[] = [op.putfh(this.file.filehandle)];
      for (let i = 0; i < PER_COMPOUND; i++) {
        const at = n * PER_COMPOUND + i + 1;
        if (at < count) requests.push(this.lockRequest(at));
      }
      return this.session.compound(requests, { cacheThis: false });
    });
  }

  /** A lock of one byte of "w0". */
  lockRequest(at: number): Request {
    return op.lock({
      offset: BigInt(2 * at),
      length: 1n,
      locker: { lockStateid: this.lock },
    });
  }

  /** Unlocks one byte of "w0". */
  unlockRequest(at: number, length = 1n): Request {
    return op.locku({ stateid: this.lock, offset: BigInt(2 * at), length });
  }

  /** Writes one byte in each of `count` pages of a file: as many pieces. Returns its handle. */
  async scatter(path: readonly string[], count: number): Promise<Uint8Array> {
    const found = await this.session.compound([
      op.putrootfh(),
      ...path.map((name) => op.lookup(name)),
      op.getfh(),
    ]);
    const { filehandle } = found.get("GETFH");
    await each(Math.ceil(count / PER_COMPOUND), (n) => {
      const requests: Request[] = [op.putfh(filehandle)];
      for (let i = 0; i < PER_COMPOUND; i++) {
        const at = n * PER_COMPOUND + i;
        const offset = BigInt(at) * PAGE;
        if (at < count) requests.push(op.write({ offset, data: "x" }));
      }
      return this.session.compound(requests, { cacheThis: false });
    });
    return filehandle;
  }

  /** Waits for what somebody else has at the end of "w0" to "w3". */
  async waitMany(count: number): Promise<void> {
    for (let file = 0; file < 4; file++) {
      const opened = file === 0 ? this.file : await this.openFile(`w${file}`);
      const owner = this.owner("locker");
      const locker = file === 0
        ? { lockStateid: this.lock }
        : { openStateid: opened.stateid, owner };
      await each(
        Math.ceil(count / 4),
        (n) =>
          this.session.expectStatus(Status.DENIED, [
            op.putfh(opened.filehandle),
            op.lock({
              type: LockType.WRITEW,
              offset: BigInt(n),
              length: TO_END,
              locker,
            }),
          ], { cacheThis: false }),
      );
    }
  }

  /** Delegations of the files of "d"; returns how many it got. */
  async delegateMany(count: number): Promise<number> {
    let got = 0;
    const ask = async (n: number) => {
      const reply = await this.session.compound([
        op.putrootfh(),
        op.lookup("d"),
        this.openRequest(`entry ${n}`, "reader", WANT_READ_DELEGATION),
        op.getfh(),
      ], { cacheThis: false });
      const { delegation, stateid } = reply.get("OPEN");
      const { filehandle } = reply.get("GETFH");
      await this.session.compound([op.putfh(filehandle), op.close(stateid)], {
        cacheThis: false,
      });
      if (delegation.type === "read") got++;
      return delegation.type === "read";
    };
    // The back channel is tried out first.
    while (!await ask(0)) await new Promise((done) => setTimeout(done, 5));
    await each(count - 1, (n) => ask(n + 1));
    return got;
  }

  /** One of its owners. */
  owner(name: string): Owner {
    const { clientid } = this.session.client;
    return { clientid, owner: bytesOf(name) };
  }

  /** Comes again after a restart: all that it held ends. */
  async restart(port: number): Promise<void> {
    const { owner } = this.session.client;
    const verifier = crypto.getRandomValues(new Uint8Array(8));
    await using client = await SessionClient.connect({ port, owner, verifier });
    await client.exchangeId();
    await client.createSession();
  }

  /** Cuts its connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.session[Symbol.asyncDispose]();
  }
}

function foreOf() {
  return {
    headerpadsize: 0,
    maxrequestsize: 1_049_620,
    maxresponsesize: 1_049_480,
    maxresponsesize_cached: 7584,
    rdma_ird: [],
  };
}
