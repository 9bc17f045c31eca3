import { Status } from "../nfs4/constants.ts";
import type { Client } from "./client.ts";
import type { FileState, LockingTables } from "./file_states.ts";
import type { OpenState } from "./opens.ts";
import { LockingState } from "./stateids.ts";

/** OPEN_DELEGATE_READ or OPEN_DELEGATE_WRITE. */
export type DelegationType = "read" | "write";

/** Why there is no delegation: why_no_delegation4 (RFC 8881 18.16.2). */
export const WhyNoDelegation = {
  NOT_WANTED: 0,
  CONTENTION: 1,
  RESOURCE: 2,
  CANCELLED: 7,
} as const;

/** One of {@linkcode WhyNoDelegation}. */
export type WhyNoDelegation =
  (typeof WhyNoDelegation)[keyof typeof WhyNoDelegation];

/** What a client may do by itself, until the server wants it back (RFC 8881 10.4). */
export class Delegation extends LockingState {
  readonly kind = "delegation";
  /** Reading, or everything. */
  readonly type: DelegationType;
  /** The user whose permissions were checked. */
  readonly uid: number;
  /** Whether it was asked back. */
  isRecalled = false;

  constructor(
    tables: LockingTables,
    options: {
      readonly client: Client;
      readonly file: FileState;
      readonly type: DelegationType;
      readonly uid: number;
    },
  ) {
    super(tables.stateids, options.client, options.file);
    this.type = options.type;
    this.uid = options.uid;
  }
}

/** Decides who gets a delegation, and asks it back. */
export interface DelegationPolicy {
  /**
   * What goes with an OPEN that has just succeeded. `wanted` is the
   * OPEN4_SHARE_ACCESS_WANT_* part of share_access, 0 in NFSv4.0.
   */
  offer(open: OpenState, wanted: number): DelegationType | WhyNoDelegation;
  /** Somebody is waiting for the delegation. Called once for each; must not wait. */
  recall(delegation: Delegation): void;
}

/** Grants nothing. */
export const noDelegations: DelegationPolicy = {
  offer: () => WhyNoDelegation.RESOURCE,
  recall: () => {},
};

/** Gives the client of an open a delegation of its file. */
export function grantDelegation(
  tables: LockingTables,
  open: OpenState,
  type: DelegationType,
): Delegation {
  const { client, file, uid } = open;
  const delegation = new Delegation(tables, { client, file, type, uid });
  file.delegations.add(delegation);
  tables.files.delegations++;
  client.states.delegations++;
  client.states.all.add(delegation);
  tables.stateids.add(delegation);
  return delegation;
}

/** The client gave a delegation back, or is gone; a revoked one is freed. */
export function dropDelegation(
  tables: LockingTables,
  delegation: Delegation,
): void {
  const { states } = delegation.client;
  if (delegation.revoked === undefined) release(tables, delegation);
  else states.revoked--;
  states.all.delete(delegation);
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
  if (delegation.client.protocol === 0) {
    return dropDelegation(tables, delegation);
  }
  release(tables, delegation);
  delegation.revoked = Status.DELEG_REVOKED;
  delegation.client.states.revoked++;
}

/** The delegation is no longer in anybody's way. */
function release(tables: LockingTables, delegation: Delegation): void {
  const { file, client } = delegation;
  file.delegations.delete(delegation);
  tables.files.delegations--;
  client.states.delegations--;
  tables.files.dropIfEmpty(file);
}
