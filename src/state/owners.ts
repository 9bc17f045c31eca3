import type { Client } from "./client.ts";
import type { LockState } from "./locks.ts";
import type { OpenState } from "./opens.ts";
import { OwnerSequence } from "./owners_v40.ts";

/** open_owner4 or lock_owner4 of a client (RFC 8881 3.3.10.1, 3.3.10.2). */
class StateOwner {
  /** Whose it is. */
  readonly client: Client;
  /** What the client calls it. */
  readonly name: Uint8Array;
  /** The name as a string, the key among the client's owners. */
  readonly key: string;
  /** NFSv4.0 only: its sequence of requests. */
  readonly sequence: OwnerSequence | undefined;

  constructor(client: Client, name: Uint8Array, key: string) {
    this.client = client;
    // A copy: the name came in a message.
    this.name = name.slice();
    this.key = key;
    this.sequence = client.protocol === 0 ? new OwnerSequence() : undefined;
  }
}

/** Who opens files. */
export class OpenOwner extends StateOwner {
  /** Its opens. */
  opens = 0;
  /** NFSv4.0: whether OPEN_CONFIRM has come, or was not needed. */
  confirmed: boolean = this.client.protocol !== 0;
  /** NFSv4.0: the open that OPEN_CONFIRM is to confirm. */
  unconfirmed: OpenState | undefined;
  /** NFSv4.0: the open that it closed last, known for as long as the CLOSE may be replayed. */
  closed: OpenState | undefined;
  /** NFSv4.0: clock time in milliseconds when it became one of `ClientStates.idleOwners`. */
  idleSince = 0;
}

/** Who locks ranges. */
export class LockOwner extends StateOwner {
  /** Its lock stateids. */
  readonly locks = new Set<LockState>();
}

/** The name of an owner as a string: one character a byte. */
export function ownerKey(name: Uint8Array): string {
  return String.fromCharCode.apply(null, name as unknown as number[]);
}
