/** The simulation can fail: a server that is broken in one place is found out. */

import { assert, assertMatch } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import { DelegationKeeper } from "../../src/delegations/delegation_keeper.ts";
import { RecallQueue } from "../../src/delegations/recall_queue.ts";
import { ByteRanges } from "../../src/state/byte_ranges.ts";
import type { Client } from "../../src/state/client.ts";
import { EffectQueue } from "../../src/state/effects.ts";
import { GracePeriod } from "../../src/state/grace.ts";
import { Lease } from "../../src/state/lease.ts";
import { OwnerSequence } from "../../src/state/owners_v40.ts";
import { ServerState } from "../../src/state/server_state.ts";
import { SessionTable } from "../../src/state/sessions.ts";
import { Shares } from "../../src/state/shares.ts";
import { Slot } from "../../src/state/slot_table.ts";
import { StateidTable } from "../../src/state/stateids.ts";
import { play } from "./history.ts";

const MOST_HISTORIES = 150;
const STEPS = 120;

/** Puts `broken` in place of a property until it is disposed of. */
function replace<T extends object>(
  target: T,
  name: string,
  broken: PropertyDescriptor,
): Disposable {
  const sound = Object.getOwnPropertyDescriptor(target, name);
  assert(sound !== undefined, `there is no ${name}`);
  Object.defineProperty(target, name, { configurable: true, ...broken });
  return {
    [Symbol.dispose]: () => Object.defineProperty(target, name, sound),
  };
}

/** What the first history that fails is blamed for. */
async function firstViolation(steps = STEPS): Promise<string> {
  for (let seed = 1; seed <= MOST_HISTORIES; seed++) {
    const { violation } = await play(seed, steps);
    if (violation !== undefined) return violation;
  }
  throw new Error(`${MOST_HISTORIES} histories found nothing`);
}

/** Lets a retry pass for a new request: its slot is put back by one. */
function forgetful(find: SessionTable["find"]): SessionTable["find"] {
  return function (this: SessionTable, bytes, offset = 0) {
    const session = find.call(this, bytes, offset);
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset + 16);
    const [sequence, id] = [view.getUint32(0), view.getUint32(4)];
    const slot = session?.slots.slot(id);
    if (slot !== undefined && !slot.isBusy && slot.sequence === sequence) {
      slot.sequence = (sequence - 1) >>> 0;
    }
    return session;
  };
}

/** Drops whoever is in the way. */
function expireAnyhow(this: ServerState, client: Client): boolean {
  this.dropClient(client, "expired");
  return true;
}

/** Takes recalls for some that are older than any lease. */
function longAgo(add: RecallQueue["add"]): RecallQueue["add"] {
  return function (this: RecallQueue, delegation, options) {
    add.call(this, delegation, options);
    const recall = this.get(delegation);
    if (recall !== undefined) Object.assign(recall, { since: -Infinity });
  };
}

interface Fault {
  readonly target: object;
  readonly name: string;
  readonly broken: PropertyDescriptor;
  readonly blamed: RegExp;
  /** Steps of a history, where it takes many until two clients meet; STEPS if left out. */
  readonly steps?: number;
}

const faults: Record<string, Fault> = {
  "a retry is carried out again": {
    target: SessionTable.prototype,
    name: "find",
    broken: { value: forgetful(SessionTable.prototype.find) },
    // The last where a second copy of a request finds its slot put back already.
    blamed: /executed 2 times|another answer|answered|SEQ_MISORDERED/,
  },
  "a retry is taken for another request": {
    target: Slot.prototype,
    name: "isRetry",
    broken: { value: () => false },
    blamed: /SEQ_FALSE_RETRY/,
  },
  "NFSv4.0: a request with the last seqid is carried out again": {
    target: OwnerSequence.prototype,
    name: "order",
    broken: { value: () => "next" },
    blamed: /executed 2 times|another answer|answered/,
  },
  "locks are not compared": {
    target: ByteRanges.prototype,
    name: "conflict",
    broken: { value: () => undefined },
    blamed: /both held .* lock on|LOCKT|lock of .* in spite of/,
  },
  "deny modes are not looked at": {
    target: Shares.prototype,
    name: "conflict",
    broken: { value: () => undefined },
    blamed: /both held .* open|in spite of/,
  },
  "whoever is in the way is expired, whatever its lease": {
    target: ServerState.prototype,
    name: "expireIfLapsed",
    broken: { value: expireAnyhow },
    blamed: /both held|forgotten at|in spite of/,
  },
  "a lapsed lease is good for ever": {
    target: Lease.prototype,
    name: "isExpired",
    broken: { value: () => false },
    blamed: /refused without reason/,
  },
  "LOCKU does not unlock": {
    target: ByteRanges.prototype,
    name: "unlock",
    broken: { value: () => 0 },
    blamed: /refused without reason|LOCKS_HELD/,
  },
  "delegations are granted to everybody": {
    target: DelegationKeeper.prototype,
    name: "offer",
    broken: { value: () => "write" },
    blamed: /both held .* delegation|a second delegation/,
  },
  "delegations are not recalled, and never revoked": {
    target: DelegationKeeper.prototype,
    name: "recall",
    broken: { value: () => {} },
    blamed: /nobody revokes/,
    steps: 500,
  },
  "what is recalled is revoked as soon as it is wanted": {
    target: RecallQueue.prototype,
    name: "add",
    broken: { value: longAgo(RecallQueue.prototype.add) },
    blamed: /both held .* delegation|revoked early/,
    steps: 500,
  },
  "there is no grace period": {
    target: GracePeriod.prototype,
    name: "checkNew",
    broken: { value: () => Status.OK },
    blamed: /both held|reclaim answered|not told to reclaim/,
  },
  "records of clients do not survive": {
    target: ClientRecovery.prototype,
    name: "mayReclaim",
    broken: { value: () => false },
    blamed: /not told to reclaim|reclaim answered NO_GRACE/,
  },
  "stateids are never forgotten": {
    target: StateidTable.prototype,
    name: "remove",
    broken: { value: () => {} },
    blamed: /left over|answered/,
  },
  "files are never closed": {
    target: EffectQueue.prototype,
    name: "defer",
    broken: { value: () => {} },
    blamed: /left over: .*"fsOpens":[1-9]/,
  },
  "kept replies are never freed": {
    target: Slot.prototype,
    name: "release",
    broken: { value: () => {} },
    blamed: /left over|bytes of replies/,
  },
};

for (
  const [what, { target, name, broken, blamed, steps }] of Object.entries(
    faults,
  )
) {
  Deno.test(`the simulation finds out that ${what}`, async () => {
    using _ = replace(target, name, broken);
    assertMatch(await firstViolation(steps), blamed);
  });
}
