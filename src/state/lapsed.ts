import type { Client } from "./client.ts";
import { LOOK, type Piecework } from "./effects.ts";
import type { FileState } from "./file_states.ts";

/** What it takes to end a client with little, in pieces of work. */
const END_PIECES = 16;

/**
 * Ends the clients without a lease that hold something of a file: a request has
 * met hundreds of them, and is put off meanwhile.
 */
export function* endLapsed(
  state: { expireIfLapsed(client: Client): boolean },
  file: FileState,
): Piecework {
  if (file.isClearing) return;
  file.isClearing = true;
  try {
    for (const held of [file.delegations, file.opens]) {
      for (const { client } of held.values()) {
        const isNew = !client.isGone && state.expireIfLapsed(client);
        yield isNew ? END_PIECES : LOOK;
      }
    }
  } finally {
    file.isClearing = false;
  }
}
