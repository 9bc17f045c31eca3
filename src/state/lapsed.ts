import type { FileRef } from "../vfs/file_handle.ts";
import type { Client } from "./client.ts";
import { LOOK, type Piecework } from "./effects.ts";
import type { FileState } from "./file_states.ts";
import type { ServerState } from "./server_state.ts";
import type { HeldState } from "./stateids.ts";

/** What it takes to end a client with little, in pieces of work. */
const END_PIECES = 16;

/**
 * Ends the clients without a lease that have as much of a file as what is in the
 * way, a delegation or an open: a request has met hundreds of them, and is put off
 * meanwhile.
 */
export function* endLapsed(
  state: { expireIfLapsed(client: Client): boolean },
  { file, kind }: HeldState,
): Piecework {
  if (file.isClearing) return;
  file.isClearing = true;
  const held = kind === "delegation" ? file.delegations : file.opens;
  try {
    for (const { client } of held.values()) {
      const isNew = !client.isGone && state.expireIfLapsed(client);
      yield isNew ? END_PIECES : LOOK;
    }
  } finally {
    file.isClearing = false;
  }
}

/**
 * Makes room for a file that is to lose its last name and that clients have open: a
 * file system keeps no more such files. What is kept by courtesy is not kept at the
 * cost of others (RFC 8881 8.4.2.4), so where none but clients without a lease hold
 * something of the file, or else of files that are in its way, they are ended.
 */
export function* makeRoomFor(
  state: Pick<ServerState, "expireIfLapsed" | "files" | "lease">,
  { file, owner }: { readonly file: FileRef; readonly owner: number },
): Piecework {
  const { nameless } = state.files;
  const { fs } = file.export;
  using making = nameless.makeRoom(owner, fs);
  if (making === undefined) return;
  const itself = state.files.get(file);
  if (itself !== undefined && (yield* endHolders(state, itself))) return;
  for (const inTheWay of nameless.inTheWayOf(owner, fs)) {
    yield* endHolders(state, inTheWay);
  }
}

/** Ends who holds something of a file, unless one of them has a lease; returns whether it did. */
function* endHolders(
  state: Pick<ServerState, "expireIfLapsed" | "lease">,
  file: FileState,
): Generator<number, boolean> {
  for (const client of holdersOf(file)) {
    yield LOOK;
    if (!client.isGone && !state.lease.isExpired(client)) return false;
  }
  for (const client of holdersOf(file)) {
    const isNew = !client.isGone && state.expireIfLapsed(client);
    yield isNew ? END_PIECES : LOOK;
  }
  return true;
}

/** Some more than once. */
function* holdersOf({ opens, delegations }: FileState): Generator<Client> {
  for (const { client } of opens.values()) yield client;
  for (const { client } of delegations.values()) yield client;
}
