import type { Client } from "./client.ts";
import { LOOK, type Piecework } from "./effects.ts";
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
