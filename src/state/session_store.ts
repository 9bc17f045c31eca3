import type { Client } from "./client.ts";
import type { Session } from "./session.ts";
import type { Slot } from "./slot_table.ts";

/** Keeps the slots of one persistent session (RFC 8881 2.10.6.5). Nothing here throws. */
export interface SlotStore {
  /** Grows with each change of the files that requests are about, however small. */
  readonly changes: number;
  /**
   * Keeps what the slot is now, durable together with all the changes so far:
   * after a crash there are both or neither.
   */
  save(slot: Slot): void;
  /** Forgets the slots from `first` on. */
  drop(first: number): void;
}

/**
 * Keeps sessions over restarts, where the files are kept as well and by the
 * same transactions: what makes CREATE_SESSION4_FLAG_PERSIST more than a word.
 */
export interface SessionStore {
  /** Whether anything can be kept; otherwise new sessions are not persistent. */
  readonly isSound: boolean;
  /** Waits until what is kept is durable; throws or rejects when it can't be. */
  settle(): void | Promise<void>;
  /** Where the slots of a new session are to be kept. */
  slotStore(session: Uint8Array): SlotStore;
  /** Keeps a session as it is now; FsError when it can't. */
  saveSession(session: Session): void;
  /** Keeps a client and its reply cache of CREATE_SESSION as they are now; FsError when it can't. */
  saveClient(client: Client): void;
}
