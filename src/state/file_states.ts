import { EvenShares } from "../base/even_shares.ts";
import { ChangesUnderWay } from "./changes_under_way.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import { ByteRanges } from "./byte_ranges.ts";
import type { Client } from "./client.ts";
import type { ClientTable } from "./clients.ts";
import {
  type Delegation,
  type DelegationPolicy,
  noDelegations,
} from "./delegations.ts";
import type { EffectQueue } from "./effects.ts";
import type { LockState } from "./locks.ts";
import { NamelessFiles } from "./nameless.ts";
import type { OpenState } from "./opens.ts";
import type { LockOwner, OpenOwner } from "./owners.ts";
import { Shares } from "./shares.ts";
import type { StateAccount } from "./state_budget.ts";
import type { StateidTable } from "./stateids.ts";
import type { LockQueue } from "./lock_queue.ts";
import { spreadOf, WideMap } from "./wide_map.ts";

/** Most files never have one. */
/** Holders of a folder that are told, by party: what each change of it costs. */
export const MAX_TOLD = 16;
const NO_DELEGATIONS: ReadonlyMap<Client, Delegation> = new Map();

/** What all clients hold on a file. */
export class FileState {
  readonly file: FileRef;
  /** Its opens: an owner has one at most (RFC 8881 18.16.3). */
  readonly opens = new WideMap<OpenOwner, OpenState>(spreadOfOwner);
  /** What the opens share and deny. */
  readonly shares = new Shares();
  /** The account that its memory counts in: of the client that held something of it first. */
  readonly account: StateAccount;
  /** Whether its mode is known to have neither setuid nor setgid. */
  isPlain = false;
  /** How often its mode was set. */
  modesSet = 0;
  /** Whose it was when it lost its last name, if it has. */
  namelessOf: number | undefined;
  /** In which of the modes of fs.open it stays open for holders of delegations, if it does. */
  keptMode: number | undefined;
  /** How many of its delegations are recalled and not yet returned. */
  recalls = 0;
  /** Whether clients without a lease that hold something of it are being ended. */
  isClearing = false;
  readonly #effects: EffectQueue;
  #delegations: Map<Client, Delegation> | undefined;
  /** Those of a folder whose holders are told of what changes, by party. */
  #told: EvenShares<string> | undefined;
  #ranges: ByteRanges<LockOwner, LockState> | undefined;

  constructor(
    file: FileRef,
    { account, effects }: {
      readonly account: StateAccount;
      readonly effects: EffectQueue;
    },
  ) {
    this.file = file;
    this.account = account;
    this.#effects = effects;
  }

  /** Its delegations: a client has one at most. Those that are recalled come last. */
  get delegations(): ReadonlyMap<Client, Delegation> {
    return this.#delegations ?? NO_DELEGATIONS;
  }

  /** There is one more. */
  addDelegation(delegation: Delegation): void {
    (this.#delegations ??= new Map()).set(delegation.client, delegation);
    if (delegation.isRecalled) this.recalls++;
    else if (delegation.notices !== undefined) {
      this.#told ??= new EvenShares(MAX_TOLD);
      this.#told.take(delegation.client.party);
    }
  }

  /** How many delegations have their holders told of what changes (a folder). */
  get told(): number {
    return this.#told?.size ?? 0;
  }

  /** Whether one more client of this party may be told. */
  mayTell(party: string): boolean {
    return this.#told?.isFull(party) !== true;
  }

  /** A delegation of this file is recalled. */
  delegationRecalled(delegation: Delegation): void {
    this.#delegations!.delete(delegation.client);
    if (delegation.notices !== undefined) this.#untell(delegation);
    this.addDelegation(delegation);
  }

  /** There is one less. */
  removeDelegation(delegation: Delegation): void {
    this.#delegations?.delete(delegation.client);
    if (delegation.isRecalled) this.recalls--;
    else if (delegation.notices !== undefined) this.#untell(delegation);
  }

  #untell({ client }: Delegation): void {
    this.#told!.give(client.party);
    if (this.#told!.size === 0) this.#told = undefined;
  }

  /** A client has set its mode. */
  modeSet(): void {
    this.isPlain = false;
    this.modesSet++;
  }

  /** Its byte-range locks. */
  get ranges(): ByteRanges<LockOwner, LockState> {
    return this.#ranges ??= new ByteRanges((work) => this.#effects.begin(work));
  }

  /** Its byte-range locks, where there ever were some. */
  get knownRanges(): ByteRanges<LockOwner, LockState> | undefined {
    return this.#ranges;
  }
}

/** The files that something is held on. */
export class FileStateTable {
  /** Where fs.close goes. */
  readonly effects: EffectQueue;
  /** Decides which client gets a delegation; the server sets it before clients come. */
  policy: DelegationPolicy;
  /** What waits for a file system to change files. */
  readonly changes = new ChangesUnderWay();
  /** Those that have no name any more. */
  readonly nameless = new NamelessFiles();
  /** Delegations of all files: where there are none, operations look for no conflicts. */
  delegations = 0;
  readonly #files = new WideMap<string, FileState>(spreadOf);

  constructor(options: {
    /** The queue that the engine runs. */
    readonly effects: EffectQueue;
    /** Decides which client gets a delegation; none if left out. */
    readonly policy?: DelegationPolicy | undefined;
  }) {
    this.effects = options.effects;
    this.policy = options.policy ?? noDelegations;
  }

  /** Number of files. */
  get size(): number {
    return this.#files.size;
  }

  /** What is held on a file, if anything is. */
  get(file: FileRef): FileState | undefined {
    return this.#files.get(file.key);
  }

  /**
   * The same, made where nothing is held; `client`, whose request it is, must
   * come to hold something.
   */
  obtain(file: FileRef, { account }: Client): FileState {
    let state = this.#files.get(file.key);
    if (state === undefined) {
      const { effects } = this;
      state = new FileState(file, { account, effects });
      this.#files.set(file.key, state);
      account.count("file", 1);
    }
    return state;
  }

  /** Something is no longer held on a file. */
  dropIfEmpty(state: FileState): void {
    if (state.opens.size > 0 || state.delegations.size > 0) return;
    if (!this.#files.delete(state.file.key)) return;
    this.nameless.delete(state);
    state.account.count("file", -1);
  }
}

function spreadOfOwner({ key }: OpenOwner): number {
  return spreadOf(key);
}

/** The tables of the state that opens, locks and delegations live in. */
export interface LockingTables {
  readonly stateids: StateidTable;
  readonly files: FileStateTable;
  /** The owners that wait for a lock. */
  readonly waiting: LockQueue;
  readonly clients: Pick<ClientTable, "holdingChanged">;
  /** Some state of a client that goes on is revoked. */
  stateRevoked(client: Client): void;
}
