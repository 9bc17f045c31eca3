/** What a process reads and writes: a cell at a time, each WRITE with a text that no other has. */

import { Status } from "../../src/nfs4/constants.ts";
import { bypassStateid, op, type Stateid } from "../support/client/mod.ts";
import type { Judge } from "./judge.ts";
import type { OpenFile } from "./open_file.ts";
import type { Peer } from "./peer.ts";
import { CELL, CELLS, textOf, type Witness } from "./witness.ts";

const READ = 1;
const WRITE = 2;

/** The I/O of a process. */
export class IoWork {
  readonly #peer: Peer;
  readonly #witness: Witness;
  readonly #judge: Judge;

  constructor(peer: Peer, witness: Witness, judge: Judge) {
    this.#peer = peer;
    this.#witness = witness;
    this.#judge = judge;
  }

  /** WRITE of a text of at most a cell, by an open, a lock or a delegation. */
  async write(file: OpenFile, text: string): Promise<void> {
    if ((file.access & WRITE) === 0) return;
    const cell = this.#peer.around.world.random.below(CELLS);
    using use = this.#peer.delegations.use(file.filehandle, true);
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.write({
        stateid: use?.stateid ?? file.sent(this.#anyStateid(file)),
        offset: BigInt(cell * CELL),
        data: text.padEnd(CELL),
      }),
    ], { renews: true });
    const { status } = reply;
    if (status === Status.DELEG_REVOKED && use?.isOverdue()) return;
    this.#judge.expect("WRITE", status);
    const at = this.#witness.written.get(text);
    this.#judge.insist(
      at !== undefined && at >= sentAt,
      () => `write ${text} was answered but not done`,
    );
    this.#insistAllowed(file, WRITE, sentAt);
  }

  /** READ of a cell, also by the special stateids. */
  async read(file: OpenFile): Promise<void> {
    const { random } = this.#peer.around.world;
    const isSpecial = random.oneIn(3);
    if (!isSpecial && (file.access & READ) === 0) return;
    const cell = random.below(CELLS);
    using use = this.#peer.delegations.use(file.filehandle, false);
    const stateid = isSpecial
      ? random.pick([undefined, bypassStateid])
      : use?.stateid ?? file.sent(this.#anyStateid(file));
    const { book } = this.#peer.around;
    // A delegation of somebody else's has to go.
    const asked = book.ask(this.#peer.lease, {
      owner: file.owners.name,
      resource: file.name,
      mode: { kind: "open", access: READ, deny: 0 },
    });
    const offset = BigInt(cell * CELL);
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.read({ stateid, offset, count: CELL }),
    ], { renews: !isSpecial, uncached: random.oneIn(2) });
    const { status } = reply;
    book.released(asked);
    if (status === Status.RETRY_UNCACHED_REP) return;
    if (status === Status.DELEG_REVOKED && use?.isOverdue()) return;
    if (isSpecial && status === Status.LOCKED) {
      return book.explain(asked, { sentAt });
    }
    if (status !== Status.OK) {
      return await this.#judge.excuse("READ", status, sentAt);
    }
    if (stateid !== bypassStateid) this.#insistAllowed(file, READ, sentAt);
    this.#insistRead(file, cell, {
      text: textOf(reply.get("READ").data),
      sentAt,
    });
  }

  /** What was read was there at some moment between request and answer. */
  #insistRead(
    file: OpenFile,
    cell: number,
    { text, sentAt }: { readonly text: string; readonly sentAt: number },
  ): void {
    const history = this.#witness.history(file.fileid, cell);
    const first = history.findLastIndex(({ at }) => at <= sentAt);
    const possible = history.slice(Math.max(0, first)).map(({ text }) => text);
    if (first < 0) possible.push("");
    this.#judge.insist(
      possible.includes(text),
      () =>
        `read "${text}" of ${file.cell(cell)}, not ${possible.join(" or ")}`,
    );
  }

  #anyStateid(file: OpenFile): Stateid {
    const { random } = this.#peer.around.world;
    const useLock = file.lockStateid !== undefined && random.oneIn(2);
    return useLock ? file.lockStateid! : file.stateid;
  }

  #insistAllowed(file: OpenFile, access: number, sentAt: number): void {
    const mode = { kind: "open", access, deny: 0 } as const;
    const owner = file.owners.name;
    this.#judge.insistAllowed(file.name, mode, { sentAt, owner });
  }
}
