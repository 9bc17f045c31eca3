import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../nfs4/constants.ts";
import type { Stateid } from "../nfs4/types.ts";
import type { Credential } from "../rpc/auth.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { Settler } from "../rpc/reliance.ts";
import type { ChangeUnderWay, ShareUse } from "../state/changes_under_way.ts";
import type { Client } from "../state/client.ts";
import type { LockConflict } from "../state/byte_ranges.ts";
import type { Session } from "../state/session.ts";
import type { Slot } from "../state/slot_table.ts";
import type { Caller } from "../vfs/callers.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { BulkWork } from "./bulk_work.ts";
import type { OperationRow } from "./operation.ts";
import { reserveReply } from "./reserve_reply.ts";
import type { Services } from "./services.ts";

/** Bytes of an operation's number and status. */
export const RESULT_HEADER = 8;
/** Bytes of a result without room for more: SETATTR's has an empty attrsset as well (RFC 8881 18.30.2). */
const LONGEST_REFUSAL = RESULT_HEADER + 4;

/** Says also why what relied on it was undone, in the words of file systems. */
type LosingSettler = Settler & Pick<FileSystem, "loss">;

/** The first result in a COMPOUND that relies on something. */
export interface ReliedResult {
  settler: LosingSettler;
  /** The settler's `losses` before that. */
  losses: number | undefined;
  /** The settler's `unsettled` before that. */
  unsettled: number | undefined;
  /** The operation, and which it is. */
  readonly row: OperationRow;
  readonly index: number;
  /** Offset of its result in the COMPOUND4res. */
  readonly at: number;
  /** Whether it is a record of ours that can't be kept: the client may try again (NFS4ERR_DELAY). */
  readonly isRecord: boolean;
}

/** What the operations of one COMPOUND share. */
export class CompoundContext {
  /** The server's state, name space, clock and limits. */
  readonly services: Services;
  /** Where the request came from. */
  readonly connection: Connection;
  /** The caller, as the RPC header names it. */
  readonly credential: Credential;
  /** Bytes of the reply besides the COMPOUND4res: they are part of ca_maxresponsesize. */
  readonly replyOverhead: number;
  /** The request's minor version. */
  readonly minorVersion: MinorVersion;
  /** The request, behind the RPC header. */
  readonly request: XdrReader;
  /** Where the results are written. */
  reply: XdrWriter;

  /** Current filehandle (RFC 8881 16.2.3.1.1). */
  current: FileRef | undefined;
  /** Saved filehandle, which SAVEFH sets and RESTOREFH takes. */
  saved: FileRef | undefined;
  /** Current stateid (RFC 8881 16.2.3.1.2), NFSv4.1 only. */
  currentStateid: Stateid | undefined;
  /** Saved stateid, goes with the saved filehandle. */
  savedStateid: Stateid | undefined;

  /** NFSv4.1: the session of SEQUENCE. */
  session: Session | undefined;
  /** NFSv4.1: the slot of SEQUENCE. */
  slot: Slot | undefined;
  /** NFSv4.0: the key of the only file that it stands for that client at, where no more than a stateid of it says so. */
  onlyFile: string | undefined;
  /** SEQUENCE found the answer of an earlier try: a whole COMPOUND4res. */
  replay: Uint8Array | undefined;
  /**
   * SEQUENCE found a retry whose answer was not kept: its second operation is
   * answered NFS4ERR_RETRY_UNCACHED_REP (RFC 8881 2.10.6.1.3).
   */
  isUncachedRetry = false;
  /** Clock time at which it came to be carried out. */
  readonly startedAt: number;
  /** xid of the call. */
  xid = 0;
  /** Number of operations in the COMPOUND. */
  operationCount = 0;
  /** Index of the operation that is being carried out. */
  operationIndex = 0;
  /** Offset in `reply` at which this COMPOUND's answer begins. */
  replyStart = 0;
  /** What the results rely on so far, each with the first that does. */
  relied: ReliedResult[] | undefined;
  /** Most bytes of the reply, RPC header included; SEQUENCE sets what the session allows. */
  replyLimit: number;
  /** What a reply beyond the limit is answered with: NFS4ERR_REP_TOO_BIG_TO_CACHE when SEQUENCE asked for caching and that is the tighter limit. */
  replyLimitStatus: StatusCode;
  /** Whether it has changed what its second run would find changed. */
  hasChanged = false;
  /** Whether an operation was begun that may change anything, state included. */
  hasActed = false;
  /** States of ended clients that were found in the way. */
  cleared = 0;
  /** Whether a file system may still read from the request when it is answered. */
  isRequestInUse = false;
  #bulk: BulkWork | undefined;
  #client: Client | undefined;
  /** Whose lease does not run out before the COMPOUND has ended. */
  #leaseHolder: Client | undefined;
  /** Whether it has waited, so that a lease may have run out meanwhile. */
  #hasWaited = false;
  /** What the operation that is being carried out is about to change. */
  #changes: ChangeUnderWay[] | undefined;
  /** Whether that operation waits, so that others may see what it is about to change. */
  #isWaiting = false;
  #outcomes:
    | { readonly index: number; act(isKept: boolean): void }[]
    | undefined;
  /** The lock that is in the way, for LOCK and LOCKT to report with NFS4ERR_DENIED. */
  conflict: LockConflict | undefined;

  constructor(
    options: Pick<
      CompoundContext,
      | "services"
      | "connection"
      | "credential"
      | "replyOverhead"
      | "minorVersion"
      | "request"
      | "reply"
    >,
  ) {
    this.services = options.services;
    this.startedAt = this.services.clock.now();
    this.connection = options.connection;
    this.credential = options.credential;
    this.replyOverhead = options.replyOverhead;
    this.minorVersion = options.minorVersion;
    this.request = options.request;
    this.reply = options.reply;
    this.replyLimit = this.services.limits.maxReply;
    // RFC 8881 15.1: NFSv4.1 has no NFS4ERR_RESOURCE.
    this.replyLimitStatus = this.minorVersion === 0
      ? Status.RESOURCE
      : Status.REP_TOO_BIG;
  }

  /**
   * Whether its connection is closed, and it has done nothing that was to be done:
   * it need not go on. A client that comes again is told NFS4ERR_DELAY, or has it
   * carried out anew.
   */
  get isMoot(): boolean {
    return this.connection.closeReason !== undefined && !this.hasActed;
  }

  /** What its operations write that came in no request. */
  get bulk(): BulkWork {
    return this.#bulk ??= new BulkWork(this);
  }

  /** The client that SEQUENCE stands for; in NFSv4.0 set by what carries a clientid or stateid. */
  get client(): Client | undefined {
    return this.#client;
  }

  set client(client: Client | undefined) {
    this.#client = client;
    if (this.#hasWaited) this.#holdLease();
  }

  /** Other requests have their turn before it goes on. */
  waits(): void {
    this.#hasWaited = true;
    this.#holdLease();
  }

  /** RFC 8881 8.3: no lease runs out while a COMPOUND is being carried out. In NFSv4.0 neither. */
  #holdLease(): void {
    const { client } = this;
    if (client === undefined || client === this.#leaseHolder) return;
    this.ended();
    this.#leaseHolder = client;
    client.requestsUnderWay++;
  }

  /** It has ended: a lease begins, where one may have run out. */
  ended(): void {
    const holder = this.#leaseHolder;
    if (holder === undefined) return;
    this.#leaseHolder = undefined;
    holder.requestsUnderWay--;
    this.services.state.lease.renew(holder);
  }

  /** Nothing is in the way of a change of the file: nothing may come in its way until the operation has ended. */
  noteChange({ key }: FileRef, shares?: ShareUse): void {
    const change = { file: key, client: this.clientAt(key), shares };
    (this.#changes ??= []).push(change);
    if (this.#isWaiting) this.services.state.files.changes.begin(change);
  }

  /** The client whose own delegation of the file with this key is in no conflict with what the caller does. */
  clientAt(key: string): Client | undefined {
    const isElsewhere = this.onlyFile !== undefined && this.onlyFile !== key;
    return isElsewhere ? undefined : this.client;
  }

  /** Whether what another request is changing of the file is in the way of such a use. */
  isBeingChanged({ key }: FileRef, use: ShareUse): boolean {
    return this.services.state.files.changes.isInWay(key, use, this.#changes);
  }

  /** The operation waits: other requests have their turn. */
  operationWaits(): void {
    this.#isWaiting = true;
    this.waits();
    if (this.#changes === undefined) return;
    const { changes } = this.services.state.files;
    for (const change of this.#changes) changes.begin(change);
  }

  /** The operation has ended. */
  operationEnded(): void {
    if (this.#isWaiting && this.#changes !== undefined) {
      const { changes } = this.services.state.files;
      for (const change of this.#changes) changes.end(change);
    }
    this.#isWaiting = false;
    this.#changes = undefined;
  }

  /** The current filehandle where the operation table has made sure that there is one. */
  get file(): FileRef {
    return this.current!;
  }

  /**
   * Bytes that the operation's result may still grow by; less than none where it is
   * too large. The next one can be refused in what is left besides.
   */
  get replyRoom(): number {
    const isLast = this.operationIndex + 1 >= this.operationCount;
    return this.replyLimit - this.replyOverhead -
      (this.reply.position - this.replyStart) - (isLast ? 0 : LONGEST_REFUSAL);
  }

  /**
   * Takes room for `bytes` more of the answer, where that makes it more than
   * small; false while all connections together hold too much for that.
   */
  reserve(bytes: number): boolean {
    const { reply, connection, replyStart: start } = this;
    return reserveReply({ reply, connection, start }, bytes);
  }

  /** The caller, as the export of `file` sees them. */
  callerOf(file: FileRef): Caller {
    return this.services.callers.of(this.credential, file.export);
  }

  /** A result, the first to do so, is not to leave before `settler` has settled. */
  rely(
    settler: LosingSettler,
    result: Omit<ReliedResult, "settler" | "losses" | "unsettled">,
  ): void {
    const relied = this.relied ??= [];
    for (const each of relied) if (each.settler === settler) return;
    const { losses, unsettled } = settler;
    relied.push({ settler, losses, unsettled, ...result });
  }

  /**
   * Has `act` told, before the answer leaves, whether the result of the operation is
   * part of it: where it is not, the client does not know what it was given.
   */
  whenCertain(act: (isKept: boolean) => void): void {
    (this.#outcomes ??= []).push({ index: this.operationIndex, act });
  }

  /** The answer is certain; results from the one at `refused` on could not be kept. */
  certain(refused = Infinity): void {
    const outcomes = this.#outcomes?.reverse();
    this.#outcomes = undefined;
    for (const { index, act } of outcomes ?? []) act(index < refused);
  }

  /** The results, none of them refused, rely on no more than what they changed or saw. */
  forgetSettled(): void {
    const left = this.relied?.filter((each) => !isUnused(each));
    this.relied = left?.length ? left : undefined;
  }

  /**
   * Others have their turns, and what they change, or lose, is not its business: what
   * is returned is to be called when it goes on, before it looks at anything. What has
   * changed or seen something before relies on that all the same.
   */
  whileOthersAct(): () => void {
    const unused = this.relied?.filter(isUnused);
    return () => {
      for (const each of unused ?? []) {
        const { losses, unsettled } = each.settler;
        Object.assign(each, { losses, unsettled });
      }
    };
  }

  /** Makes `file` the current filehandle; its stateid is not known yet (RFC 8881 16.2.3.1.2). */
  setCurrent(file: FileRef): void {
    this.current = file;
    this.currentStateid = undefined;
  }
}

/** Whether nothing was changed, or seen, that is yet to be settled. */
function isUnused({ settler, unsettled }: ReliedResult): boolean {
  return unsettled !== undefined && settler.unsettled === unsettled;
}
