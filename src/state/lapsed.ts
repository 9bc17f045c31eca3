import type { FileSystem } from "../vfs/file_system.ts";
import type { Client } from "./client.ts";
import { LOOK, type Piecework } from "./effects.ts";
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
 * Ends the clients without a lease for which a file system keeps files that have no
 * name any more: it has no room for another such file, and what is kept by courtesy
 * is not kept at the cost of others (RFC 8881 8.4.2.4).
 */
export function* endHoldersOfNameless(
  state: Pick<ServerState, "clients" | "expireIfLapsed" | "files" | "lease">,
  fs: FileSystem,
): Piecework {
  const { clients, files, lease } = state;
  if (files.isMakingRoom) return;
  files.isMakingRoom = true;
  try {
    for (const client of clients) {
      yield LOOK;
      if (!lease.isExpired(client)) continue;
      for (const held of client.states.all.values()) {
        yield LOOK;
        const { file: { file, isNameless }, kind } = held;
        const isInTheWay = kind === "open" && isNameless &&
          file.export.fs === fs;
        if (!isInTheWay) continue;
        if (state.expireIfLapsed(client)) yield END_PIECES;
        break;
      }
    }
  } finally {
    files.isMakingRoom = false;
  }
}
