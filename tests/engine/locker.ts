/** Somebody who locks, COMPOUND by COMPOUND. */
import {
  LockType,
  op,
  type Request,
  type Stateid,
} from "../support/client/mod.ts";
import { AT_FILE, type StateClient } from "./state_fixture.ts";

/** What LOCK, LOCKT and LOCKU are to be about. */
export interface LockRange {
  readonly type?: number;
  readonly offset?: bigint;
  readonly length?: bigint;
  readonly reclaim?: boolean;
}

/** An open of `file` with an owner that locks it; seqids are counted, NFSv4.1 ignores them. */
export class Locker {
  readonly client: StateClient;
  readonly open: Stateid;
  readonly #name: string;
  #openSeqid = 3;
  #lockSeqid = 1;
  #state: Stateid | undefined;

  private constructor(client: StateClient, open: Stateid, name: string) {
    this.client = client;
    this.open = open;
    this.#name = name;
  }

  static async of(
    client: StateClient,
    options: { access?: number; name?: string } = {},
  ): Promise<Locker> {
    const { access, name = "locker" } = options;
    const open = { access, seqid: 1, owner: name };
    return new Locker(client, await client.open("file", open), name);
  }

  get state(): Stateid {
    return this.#state!;
  }

  lockOp(range: LockRange): Request<"LOCK"> {
    if (this.#state !== undefined) {
      const lockSeqid = this.#lockSeqid++;
      return op.lock({
        ...range,
        locker: { lockStateid: this.#state, lockSeqid },
      });
    }
    return op.lock({
      ...range,
      locker: {
        openStateid: this.open,
        openSeqid: this.#openSeqid++,
        lockSeqid: this.#lockSeqid,
        owner: this.client.owner(this.#name),
      },
    });
  }

  /** LOCK; "OK", or what was denied by: "DENIED 10+5 write". */
  async lock(range: LockRange): Promise<string> {
    const isNew = this.#state === undefined;
    const reply = await this.client.call(...AT_FILE, this.lockOp(range));
    if (reply.has("LOCK")) {
      if (isNew) this.#lockSeqid++;
      this.#state = reply.get("LOCK").stateid;
    }
    return outcome(reply);
  }

  async test(range: LockRange): Promise<string> {
    const owner = this.client.owner(this.#name);
    return outcome(
      await this.client.call(...AT_FILE, op.lockt({ ...range, owner })),
    );
  }

  async unlock(range: LockRange): Promise<void> {
    const stateid = this.state;
    const unlock = op.locku({ ...range, stateid, seqid: this.#lockSeqid++ });
    const result = await this.client.ok("LOCKU", ...AT_FILE, unlock);
    this.#state = result.stateid;
  }

  /** CLOSE of its open. */
  async close(): Promise<void> {
    const close = op.close(this.open, this.#openSeqid++);
    await this.client.ok("CLOSE", ...AT_FILE, close);
  }
}

function outcome(
  { last }: { last: { value: object; status: number } | undefined },
): string {
  const { denied } = last!.value as {
    denied?: { offset: bigint; length: bigint; type: number };
  };
  if (denied === undefined) {
    return last!.status === 0 ? "OK" : `${last!.status}`;
  }
  const type = denied.type === LockType.WRITE ? "write" : "read";
  return `DENIED ${denied.offset}+${denied.length} ${type}`;
}

/** A read lock. */
export const read = (offset: bigint, length: bigint): LockRange => ({
  type: LockType.READ,
  offset,
  length,
});
/** A write lock. */
export const write = (offset: bigint, length: bigint): LockRange => ({
  type: LockType.WRITE,
  offset,
  length,
});

/** The same range, for somebody who waits and asks again. */
export const waiting = (range: LockRange): LockRange => ({
  ...range,
  type: range.type === LockType.WRITE ? LockType.WRITEW : LockType.READW,
});
