import type { Awaitable } from "../base/awaitable.ts";
import type { Bitmap } from "../nfs4/bitmap.ts";
import { type MinorVersion, Status } from "../nfs4/constants.ts";
import type { NotifyType } from "../nfs4/notifications.ts";
import type { Client } from "./client.ts";
import type { Piecework } from "./effects.ts";
import type { FileState, LockingTables } from "./file_states.ts";
import { closeKept } from "./open_modes.ts";
import type { OpenState } from "./opens.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { FileAttributes, Timestamp } from "../vfs/file_system.ts";
import type { Session } from "./session.ts";
import type { Slot } from "./slot_table.ts";
import { LockingState } from "./stateids.ts";

/** What goes with an OPEN: OPEN_DELEGATE_READ or OPEN_DELEGATE_WRITE. */
export type OpenDelegationType = "read" | "write";

/** What a client is trusted with: a file, or the entries and attributes of a folder (RFC 8881 10.9). */
export type DelegationType = OpenDelegationType | "directory";

/** Why there is no delegation: why_no_delegation4 (RFC 8881 18.16.2). */
export const WhyNoDelegation = {
  NOT_WANTED: 0,
  CONTENTION: 1,
  RESOURCE: 2,
  NOT_SUPP_UPGRADE: 5,
  NOT_SUPP_DOWNGRADE: 6,
  CANCELLED: 7,
} as const;

/** One of {@linkcode WhyNoDelegation}. */
export type WhyNoDelegation =
  (typeof WhyNoDelegation)[keyof typeof WhyNoDelegation];

/** Whether it is the reason why there is no delegation, and not what is offered. */
export function isReason<T>(
  offer: T | WhyNoDelegation,
): offer is WhyNoDelegation {
  return typeof offer === "number";
}

/** OPEN4_SHARE_ACCESS_WANT_* (RFC 8881 18.16.1). */
export const Want = {
  /** OPEN4_SHARE_ACCESS_WANT_DELEG_MASK */
  MASK: 0xff00,
  /** OPEN4_SHARE_ACCESS_WANT_READ_DELEG */
  READ: 0x0100,
  /** OPEN4_SHARE_ACCESS_WANT_WRITE_DELEG */
  WRITE: 0x0200,
  /** OPEN4_SHARE_ACCESS_WANT_ANY_DELEG */
  ANY: 0x0300,
  /** OPEN4_SHARE_ACCESS_WANT_NO_DELEG */
  NO_DELEGATION: 0x0400,
  /** OPEN4_SHARE_ACCESS_WANT_CANCEL, the last of them. */
  CANCEL: 0x0500,
  /** The two that ask to be told later, on top of the others. */
  SIGNALS: 0x3_0000,
  /** OPEN4_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS (RFC 9754), on top of the others. */
  DELEG_TIMESTAMPS: 0x10_0000,
  /** OPEN4_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION (RFC 9754), the same. */
  OPEN_XOR_DELEGATION: 0x20_0000,
  /** All that goes on top of the others. */
  BESIDES: 0x33_0000,
} as const;

/**
 * What is in the way of a delegation: the operation, a change that no client asked
 * for, that its client is late with another, or does not hear what became of a folder.
 */
const RECALL_REASONS = [
  "open",
  "read",
  "write",
  "getattr",
  "setattr",
  "create",
  "xattr",
  "remove",
  "rename",
  "link",
  "local",
  "late",
  "unheard",
] as const;

/** One of {@linkcode RECALL_REASONS}. */
export type RecallReason = (typeof RECALL_REASONS)[number];

/** How a delegation came to its end. */
export type DelegationEnd =
  /** DELEGRETURN. */
  | "returned"
  /** It was not returned in time. */
  | "revoked"
  /** Its client was forgotten with all that it had. */
  | "client-gone";

/** The request whose answer grants a delegation: what a recall refers to (RFC 8881 2.10.6.3). */
export interface GrantingRequest {
  readonly session: Session;
  readonly slot: Slot;
  /** Its sequence ID. */
  readonly sequence: number;
}

/** What the holder of a folder is told of instead of being asked to return it (RFC 8881 18.39). */
export interface NoticeTerms {
  /** notify_type4s. */
  readonly types: Bitmap;
  /** The attributes of entries that go with it. */
  readonly attributes: Bitmap;
  /** Of the session. */
  readonly minorVersion: MinorVersion;
  /** Over which it is told, for all of it to come in order. */
  readonly session: Session;
}

/** What a holder is told. */
export interface Notice {
  readonly type: NotifyType;
  /** A notify4, which may wait for attributes of the file system. */
  readonly bytes: Awaitable<Uint8Array>;
}

/** What a client may do by itself, until the server wants it back (RFC 8881 10.4, 10.9). */
export class Delegation extends LockingState {
  readonly kind = "delegation";
  readonly type: DelegationType;
  /** The user whose permissions were checked when it was granted; -1 for several. */
  readonly uid: number;
  /** What they were checked for: OPEN4_SHARE_ACCESS_READ, _WRITE or both. */
  readonly checked: number;
  /** The file's change when a write delegation was granted (RFC 8881 10.4.3, sc); of one that was reclaimed it is not known. */
  readonly change: number | undefined;
  /** The file's times when a write delegation was granted whose holder says what they are (RFC 9754). */
  readonly times: FileTimes | undefined;
  /** The request that it was granted to; undefined in NFSv4.0. */
  readonly grantedTo: GrantingRequest | undefined;
  /** The file system's word that it tells of other changes; given back at the end. */
  readonly guard: Disposable | undefined;
  /** What its holder is told of a folder; undefined where that is nothing. */
  readonly notices: NoticeTerms | undefined;
  /** Whether it is recalled. */
  isRecalled = false;
  /** How often its holder came with what may change the file at the server, but for WRITE. */
  changesMade = 0;

  constructor(
    tables: LockingTables,
    { client, file, uid, access }: Trustee,
    options: DelegationGrant,
  ) {
    super(tables.stateids, client, file);
    this.type = options.type;
    this.uid = uid;
    // Its user was checked for this access only; one who does more is checked then.
    this.checked = access;
    this.change = options.change;
    this.times = options.times;
    this.grantedTo = options.grantedTo;
    this.guard = options.guard;
    this.notices = options.notices;
    this.isRecalled = options.isRecalled ?? false;
  }

  /** Whether its holder is told of such a change of the folder, and so stands it. */
  isTold(notice: NotifyType | undefined): boolean {
    return notice !== undefined && !this.isRecalled &&
      this.notices?.types.has(notice) === true;
  }
}

/** A callback on its way costs as much as so many pieces of work. */
export const RECALL_PIECES = 16;

/** Whom a delegation is granted to, as an open or a request says. */
export type Trustee = Pick<OpenState, "client" | "file" | "uid" | "access">;

/** A delegation that is about to be granted. */
export interface DelegationGrant {
  readonly type: DelegationType;
  /** The file's change, of a write delegation. */
  readonly change?: number;
  /** The file's times, of a write delegation with timestamps. */
  readonly times?: FileTimes | undefined;
  /** The request that it is granted to. */
  readonly grantedTo?: GrantingRequest | undefined;
  /** Disposed of when the delegation has ended: it is in no client's way any more. */
  readonly guard?: Disposable | undefined;
  /** What is told of a folder. */
  readonly notices?: NoticeTerms | undefined;
  /** It is to be returned at once: reclaimed without a path for recalls. */
  readonly isRecalled?: boolean;
}

/** One that is about to go with an OPEN. */
export interface OpenGrant extends DelegationGrant {
  readonly type: OpenDelegationType;
}

/** The times that the holder of a delegation may be the one to know (RFC 9754). */
export type FileTimes = Pick<FileAttributes, "atime" | "mtime">;

/** What the holder of a write delegation says of the file (RFC 8881 10.4.3). */
export interface HeldAttributes {
  /** change as the client counts it. */
  readonly change: bigint;
  /** size in bytes. */
  readonly size: number;
  /** What it says of when the content was last read, if anything. */
  readonly atime?: Timestamp | undefined;
  /** The same of when it was last changed. */
  readonly mtime?: Timestamp | undefined;
}

/** The same, and how long it is good. */
export interface HolderAnswer extends HeldAttributes {
  /** `changesMade` of the delegation when its holder was asked. */
  readonly changesMade: number;
}

/** Decides which client gets a delegation, and recalls it. */
export interface DelegationPolicy {
  /**
   * What goes with an OPEN that has just succeeded. `wanted` is the
   * OPEN4_SHARE_ACCESS_WANT_* part of share_access, 0 in NFSv4.0.
   */
  offer(open: OpenState, wanted: number): OpenDelegationType | WhyNoDelegation;
  /** Whether a client that asks for a delegation of a folder may have one; none may if left out. */
  offersFolder?(client: Client, folder: FileRef): boolean;
  /** A client is waiting for the delegation's return. Called once for each; must not wait. */
  recall(delegation: Delegation, reason: RecallReason): void;
  /**
   * A client is waiting for one that is recalled already: it is taken away here
   * and now where its holder has had the time to return it.
   */
  insist?(delegation: Delegation): void;
  /** What goes with an OPEN that reclaims a delegation of this type; nothing if left out. */
  reclaim?(
    open: OpenState,
    type: OpenDelegationType,
  ): OpenGrant | WhyNoDelegation;
  /** A client is about to change a file, delegations of which may yet be reclaimed; of no use if left out. */
  changedInGrace?(file: FileRef): void;
  /** Whether a client that is to hold a folder may be told of changes; not if left out. */
  mayTell?(client: Client, folder: FileRef): boolean;
  /** Its holder is to be told what became of a folder; must not wait. */
  notify?(delegation: Delegation, notice: Notice): void;
  /** A delegation was granted. */
  began?(delegation: Delegation): void;
  /** There is none because the file system can't see what else changes the file. */
  unguarded?(type: DelegationType): void;
  /** A delegation is in no client's way any more. Called once for each. */
  ended?(delegation: Delegation, end: DelegationEnd): void;
  /** Asks the holder of a write delegation, briefly; undefined when it does not answer. */
  query?(delegation: Delegation): Promise<HolderAnswer | undefined>;
}

/** Never grants a delegation. */
export const noDelegations: DelegationPolicy = {
  offer: () => WhyNoDelegation.RESOURCE,
  recall: () => {},
};

/** Gives a client a delegation. */
export function grantDelegation(
  tables: LockingTables,
  trustee: Trustee,
  grant: DelegationGrant,
): Delegation {
  const { client, file } = trustee;
  const delegation = new Delegation(tables, trustee, grant);
  file.addDelegation(delegation);
  tables.files.delegations++;
  client.states.delegated[delegation.type]++;
  tables.clients.holdingChanged(client);
  client.account.count("delegation", 1);
  client.states.all.set(delegation.id, delegation);
  tables.stateids.add(delegation);
  tables.files.policy.began?.(delegation);
  return delegation;
}

/**
 * Recalls a delegation, unless it was already. Those that were are the last of
 * their file: a search for others need not pass them.
 */
export function recallDelegation(
  tables: LockingTables,
  delegation: Delegation,
  reason: RecallReason,
): void {
  if (delegation.isRecalled) return;
  delegation.isRecalled = true;
  delegation.file.delegationRecalled(delegation);
  tables.files.policy.recall(delegation, reason);
}

/** Asks the delegations of a file back but for `client`'s own, one after the other. */
export function* recallDelegations(
  tables: LockingTables,
  file: FileState,
  { client, reason, notice }: {
    readonly client: Client | undefined;
    readonly reason: RecallReason;
    /** Who is told that stands it. */
    readonly notice?: NotifyType | undefined;
  },
): Piecework {
  for (const delegation of file.delegations.values()) {
    if (delegation.isRecalled) return;
    if (delegation.client === client || delegation.isTold(notice)) continue;
    recallDelegation(tables, delegation, reason);
    yield RECALL_PIECES;
  }
}

/** The client gave a delegation back, or is gone; a revoked one is freed. */
export function dropDelegation(
  tables: LockingTables,
  delegation: Delegation,
  end: DelegationEnd,
): void {
  const { states, account } = delegation.client;
  if (delegation.revoked === undefined) release(tables, delegation, end);
  else states.revoked--;
  // A revoked one takes its memory until it is freed.
  account.count("delegation", -1);
  states.all.delete(delegation.id);
  tables.stateids.remove(delegation);
}

/**
 * Takes a delegation away from a client that does not give it back. Its stateid
 * stays until the client frees it (RFC 8881 18.38.3), which NFSv4.0 can't.
 */
export function revokeDelegation(
  tables: LockingTables,
  delegation: Delegation,
): void {
  tables.stateRevoked(delegation.client);
  if (delegation.client.protocol === 0) {
    return dropDelegation(tables, delegation, "revoked");
  }
  release(tables, delegation, "revoked");
  delegation.revoked = Status.DELEG_REVOKED;
  delegation.client.states.revoked++;
}

/** The delegation is in no client's way any more. */
function release(
  tables: LockingTables,
  delegation: Delegation,
  end: DelegationEnd,
): void {
  const { file, client } = delegation;
  file.removeDelegation(delegation);
  tables.files.delegations--;
  client.states.delegated[delegation.type]--;
  tables.clients.holdingChanged(client);
  delegation.guard?.[Symbol.dispose]();
  tables.files.dropIfEmpty(file);
  closeKept(tables.files.effects, file);
  tables.files.policy.ended?.(delegation, end);
}
