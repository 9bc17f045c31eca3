import { type Awaitable, type Steps, take, wait } from "../base/awaitable.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../state/client.ts";
import type { ClientObserver, SessionObserver } from "../state/observers.ts";
import type { ServerState } from "../state/server_state.ts";
import type { Session } from "../state/session.ts";
import type { SessionStore, SlotStore } from "../state/session_store.ts";
import type { Slot } from "../state/slot_table.ts";
import type { FileSystem, ServerRecords } from "../vfs/file_system.ts";
import { bytesOfHex, hexOf } from "./record_store.ts";
import {
  decodeClient,
  decodeSession,
  decodeSlot,
  encodeClient,
  encodeSession,
  type SessionImage,
  SlotEncoder,
} from "./session_format.ts";

/** Options of {@linkcode SessionRecovery}. */
export interface SessionRecoveryOptions {
  /** Where the files are kept as well. */
  readonly records: ServerRecords;
  /** The file system of both. */
  readonly fs: Pick<FileSystem, "settle" | "stats">;
  /** Names the server among those that share the records; the same over restarts. */
  readonly server: string;
  /** What an operator should know. */
  readonly log: Logger;
}

type Rows = ReadonlyMap<string, Uint8Array>;

/** Rows that an earlier start has left. */
export interface KeptSessions {
  readonly clients: Rows;
  readonly sessions: Rows;
  readonly slots: Rows;
}

/** What is known of the rows of one session. */
interface SessionRows {
  readonly slotStore: SlotStore;
  /** Keys of the slots that have one. */
  readonly slots: Map<number, string>;
  /** Which session it is, the first being 1; 0 as long as it has no row. */
  order: number;
  /** Whether the row of the session itself says that it has a backchannel. */
  hasBackchannel: boolean;
}

/**
 * Keeps persistent sessions beside the files that their requests change, in the
 * same transactions (RFC 8881 2.10.6.5), and brings them back after a restart.
 * Opens and locks are not kept: their clients reclaim them, on these sessions.
 *
 * A slot is written for a request that changed something, and for no other: what
 * changed nothing can be carried out again. So the sequence ID that is kept may be
 * behind the client's, which `Slot.expects` allows for.
 */
export class SessionRecovery
  implements SessionStore, SessionObserver, ClientObserver {
  readonly #records: ServerRecords;
  readonly #fs: Pick<FileSystem, "settle" | "stats">;
  readonly #log: Logger;
  readonly #names: {
    readonly clients: string;
    readonly sessions: string;
    readonly slots: string;
  };
  readonly #kept = new Map<string, SessionRows>();
  readonly #encoder = new SlotEncoder();
  #state: ServerState | undefined;
  /** The `order` of the last session. */
  #lastOrder = 0;

  constructor({ records, fs, server, log }: SessionRecoveryOptions) {
    this.#records = records;
    this.#fs = fs;
    this.#log = log;
    this.#names = {
      clients: `clients ${server}`,
      sessions: `sessions ${server}`,
      slots: `slots ${server}`,
    };
  }

  /**
   * Reads what an earlier start has left; throws or rejects where the store does.
   */
  load(): Awaitable<KeptSessions> {
    return take(this.#load());
  }

  *#load(): Steps<KeptSessions> {
    const { clients, sessions, slots } = this.#names;
    const records = this.#records;
    return {
      clients: yield* wait(records.all(clients)),
      sessions: yield* wait(records.all(sessions)),
      slots: yield* wait(records.all(slots)),
    };
  }

  /** Removes what an earlier start has left; returns that nothing is. */
  drop(kept: KeptSessions): KeptSessions {
    const names = this.#names;
    // The sessions first: what is left of slots without one is no harm.
    for (const kind of ["sessions", "slots", "clients"] as const) {
      for (const key of kept[kind].keys()) {
        this.#attempt(() => this.#records.delete(names[kind], key));
      }
    }
    const none: Rows = new Map();
    return { clients: none, sessions: none, slots: none };
  }

  /**
   * Brings back what an earlier start has left, and follows what becomes of it.
   * The other observers of `state` are there already.
   */
  restore(state: ServerState, kept: KeptSessions): void {
    this.#state = state;
    const clients = this.#restoreClients(state, kept);
    const sessions = this.#restoreSessions(state, { kept, clients });
    this.#restoreSlots(sessions, kept);
    state.observeClients(this);
    state.sessions.observe(this);
    this.#records.watch?.((collection, key) => this.#undone(collection, key));
    if (sessions.size === 0) return;
    this.#log.info("sessions go on", {
      clients: clients.size,
      sessions: sessions.size,
    });
  }

  /** {@inheritDoc SessionStore.isSound} */
  get isSound(): boolean {
    return this.#fs.stats?.failed !== true;
  }

  /** {@inheritDoc SessionStore.settle} */
  settle(): void | Promise<void> {
    return this.#fs.settle?.();
  }

  /** {@inheritDoc SessionStore.slotStore} */
  slotStore(session: Uint8Array): SlotStore {
    return this.#keep(hexOf(session)).slotStore;
  }

  /** {@inheritDoc SessionStore.saveSession} */
  saveSession(session: Session): void {
    const key = hexOf(session.id);
    const kept = this.#keep(key);
    const order = kept.order || ++this.#lastOrder;
    const value = encodeSession(session, order);
    this.#records.put(this.#names.sessions, key, value);
    kept.order = order;
    kept.hasBackchannel = session.hasBackchannel;
  }

  /** {@inheritDoc SessionStore.saveClient} */
  saveClient(client: Client): void {
    const { clients } = this.#names;
    this.#records.put(clients, keyOf(client.id), encodeClient(client));
  }

  /** {@inheritDoc SessionObserver.connectionBound} */
  connectionBound(session: Session): void {
    if (!session.isPersistent) return;
    const { order, hasBackchannel } = this.#keep(hexOf(session.id));
    // CREATE_SESSION saves it when it is done.
    if (order === 0 || session.hasBackchannel === hasBackchannel) return;
    this.#attempt(() => this.saveSession(session));
  }

  /** {@inheritDoc SessionObserver.sessionDestroyed} */
  sessionDestroyed(session: Session): void {
    if (!session.isPersistent) return;
    const key = hexOf(session.id);
    this.#attempt(() => this.#drop(key));
  }

  /** {@inheritDoc ClientObserver.clientGone} */
  clientGone(client: Client): void {
    if (!client.isPersistent) return;
    const { clients } = this.#names;
    this.#attempt(() => this.#records.delete(clients, keyOf(client.id)));
  }

  #restoreClients(state: ServerState, kept: KeptSessions): Map<bigint, Client> {
    const restored = new Map<bigint, Client>();
    this.#each(kept, "clients", (key, value) => {
      const { createSession, ...image } = decodeClient(value);
      const id = BigInt(`0x${key}`);
      const client = state.restoreClient({ id, ...image });
      const { sequence, status, result } = createSession;
      Object.assign(client.createSession, { sequence, status, result });
      restored.set(id, client);
    });
    return restored;
  }

  #restoreSessions(
    { sessions }: ServerState,
    { kept, clients }: {
      readonly kept: KeptSessions;
      readonly clients: ReadonlyMap<bigint, Client>;
    },
  ): Map<string, Session> {
    const images = new Map<string, SessionImage>();
    this.#each(kept, "sessions", (key, value) => {
      const image = decodeSession(value);
      if (!clients.has(image.clientid)) throw new Error("it is nobody's");
      images.set(key, image);
    });
    const restored = new Map<string, Session>();
    // The oldest first: it is the first to go when its client has too many.
    const inOrder = [...images].sort(([, a], [, b]) => a.order - b.order);
    for (const [key, image] of inOrder) {
      const { order, hasBackchannel } = image;
      const client = clients.get(image.clientid)!;
      const id = bytesOfHex(key);
      restored.set(key, sessions.restore(client, { ...image, id }));
      Object.assign(this.#keep(key), { order, hasBackchannel });
      this.#lastOrder = order;
    }
    return restored;
  }

  #restoreSlots(
    sessions: ReadonlyMap<string, Session>,
    kept: KeptSessions,
  ): void {
    this.#each(kept, "slots", (key, value) => {
      const [sessionKey = "", number] = key.split(".");
      const session = sessions.get(sessionKey);
      const id = Number(number);
      if (session === undefined || !(id <= session.slots.highest)) {
        throw new Error("no session has such a slot");
      }
      session.slots.restore(id, decodeSlot(value));
      this.#keep(sessionKey).slots.set(id, key);
    });
  }

  /** Calls `restore` for each row; one that it can't make sense of is removed. */
  #each(
    kept: KeptSessions,
    kind: keyof KeptSessions,
    restore: (key: string, value: Uint8Array) => void,
  ): void {
    const collection = this.#names[kind];
    for (const [key, value] of kept[kind]) {
      try {
        restore(key, value);
      } catch (error) {
        this.#log.error("part of a session is lost", { key, error });
        this.#attempt(() => this.#records.delete(collection, key));
      }
    }
  }

  #keep(key: string): SessionRows {
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      const slots = new Map<number, string>();
      const slotStore = this.#makeSlotStore(key, slots);
      kept = { slotStore, slots, order: 0, hasBackchannel: false };
      this.#kept.set(key, kept);
    }
    return kept;
  }

  #makeSlotStore(key: string, slots: Map<number, string>): SlotStore {
    const records = this.#records;
    const collection = this.#names.slots;
    return {
      get changes() {
        return records.changes;
      },
      save: (slot) => this.#saveSlot(key, slot),
      drop: (first) =>
        this.#attempt(() => {
          for (const [id, slotKey] of slots) {
            if (id < first) continue;
            records.delete(collection, slotKey);
            slots.delete(id);
          }
        }),
    };
  }

  #saveSlot(key: string, slot: Slot): void {
    const { slots } = this.#kept.get(key)!;
    let slotKey = slots.get(slot.id);
    if (slotKey === undefined) {
      slots.set(slot.id, slotKey = `${key}.${slot.id}`);
    }
    try {
      const value = this.#encoder.encode(slot.image);
      this.#records.put(this.#names.slots, slotKey, value);
    } catch (error) {
      this.#fail(error);
      // RFC 8881 2.10.6.5: without the reply a session must not come back.
      const session = this.#state?.sessions.find(bytesOfHex(key));
      if (session === undefined) return;
      this.#state!.sessions.destroy(session, "lost-session");
    }
  }

  /**
   * A row could not be made durable. One of a slot goes back with the change that
   * it answers for; a client or session that is there is kept all the same.
   */
  #undone(collection: string, key: string): void {
    const { clients, sessions } = this.#names;
    const state = this.#state!;
    if (collection === clients) {
      const client = state.clients.find(BigInt(`0x${key}`), 1);
      this.#attempt(() => {
        if (client?.isPersistent) this.saveClient(client);
        else this.#records.delete(clients, key);
      });
    } else if (collection === sessions) {
      const session = state.sessions.find(bytesOfHex(key));
      this.#attempt(() => {
        if (session?.isPersistent) this.saveSession(session);
        else this.#records.delete(sessions, key);
      });
    } else if (collection === this.#names.slots) {
      const [sessionKey = ""] = key.split(".");
      if (this.#kept.has(sessionKey)) return;
      this.#attempt(() => this.#records.delete(collection, key));
    }
  }

  #drop(key: string): void {
    const { slots } = this.#keep(key);
    this.#kept.delete(key);
    // The session first: what is left of slots without one is no harm.
    this.#records.delete(this.#names.sessions, key);
    for (const slotKey of slots.values()) {
      this.#records.delete(this.#names.slots, slotKey);
    }
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#log.error("sessions can't be kept", { error });
  }
}

function keyOf(clientid: bigint): string {
  return clientid.toString(16).padStart(16, "0");
}
