import { assert, assertEquals } from "@std/assert";
import type {
  CallbackOutcome,
  CallbackRequest,
} from "../../src/backchannel/callback_request.ts";
import type { CallbackRouter } from "../../src/backchannel/router.ts";
import { OpenHistory } from "../../src/delegations/open_history.ts";
import { RecallQueue } from "../../src/delegations/recall_queue.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { Client } from "../../src/state/client.ts";
import {
  type Delegation,
  grantDelegation,
} from "../../src/state/delegations.ts";
import { finish } from "../../src/state/effects.ts";
import { addOpen } from "../../src/state/opens.ts";
import { addOpenOwner, OpenOwner } from "../../src/state/owners.ts";
import { fileRef, StateFixture } from "../state/fixture.ts";
import { collectGarbage } from "../support/heap.ts";

// CB_RECALLs of clients that hold thousands of delegations: counted, not timed.

const N = 1_000;
const ROOM = 4;
const RETURNED: CallbackOutcome = {
  kind: "answered",
  results: [{ status: Status.OK }],
};

/** A client with delegations of N files, all asked back over a back channel with little room. */
function crowd() {
  const fixture = new StateFixture();
  const { state, clock } = fixture;
  const client = fixture.client();
  const owner = new OpenOwner(client, "reader");
  addOpenOwner(owner);
  const way = { sent: 0, inFlight: [] as CallbackRequest[] };
  const router = {
    isProven: () => true,
    send(_client, request) {
      way.sent++;
      if (way.inFlight.length < ROOM) way.inFlight.push(request);
      else request.done({ kind: "full" });
      return { tryAnew: () => {} };
    },
  } as Pick<CallbackRouter, "isProven" | "send"> as CallbackRouter;
  const queue = new RecallQueue({
    router,
    clock,
  });
  const delegations: Delegation[] = [];
  for (let i = 0; i < N; i++) {
    const file = state.files.obtain(fileRef(`file ${i}`), client);
    const open = addOpen(state, { owner, file, uid: 0 });
    const delegation = grantDelegation(state, open, { type: "read" });
    delegations.push(delegation);
    queue.add(delegation, { isKnown: false, isWanted: true });
  }
  return { queue, way, client, delegations };
}

Deno.test(`of ${N} recalls a client gets as many as its back channel takes; the others cost nothing`, () => {
  const { queue, way } = crowd();
  assertEquals(queue.size, N);
  assertEquals(way.inFlight.length, ROOM);
  // One is tried in vain: that there is no room is known from then on.
  assertEquals(way.sent, ROOM + 1);
});

Deno.test("each recall that is answered lets one more go out, until all are delivered", () => {
  const { queue, way } = crowd();
  for (let answers = 0; way.inFlight.length > 0; answers++) {
    assert(answers < N, "none is sent twice");
    way.inFlight.shift()!.done(RETURNED);
  }
  assertEquals(way.sent, N + 1);
  for (const { isDelivered } of queue) assert(isDelivered);
});

Deno.test("recalls that are lost with their path go out again as far as there is room, a few at each sweep", () => {
  const { queue, way, client } = crowd();
  const lost = { kind: "failed", reason: "no answer" } as const;
  for (const request of way.inFlight.splice(0)) request.done(lost);
  assertEquals(way.sent, ROOM + 1);
  finish(queue.sendWaiting());
  assertEquals(way.inFlight.length, ROOM);
  assert(way.sent <= 2 * (ROOM + 1));
  for (const request of way.inFlight.splice(0)) request.done(lost);
  finish(queue.pathRegained(client)!);
  assertEquals(way.inFlight.length, ROOM);
  assert(way.sent <= 3 * (ROOM + 1));
});

Deno.test("a client whose path comes again and again has what was lost looked for once at a time", () => {
  const { queue, way, client, delegations } = crowd();
  const lost = { kind: "failed", reason: "no answer" } as const;
  const lose = () => {
    for (const request of way.inFlight.splice(0)) request.done(lost);
  };
  lose();
  const work = queue.pathRegained(client)!;
  for (let i = 0; i < 10; i++) work.next();
  lose();
  assertEquals(queue.pathRegained(client), undefined);
  finish(work);
  assertEquals(way.inFlight.length, ROOM);
  assert(queue.pathRegained(client) !== undefined);
  for (const delegation of delegations) queue.end(delegation);
  assertEquals(queue.pathRegained(client), undefined);
});

Deno.test("what is returned meanwhile is not asked for any more", () => {
  const { queue, way, delegations } = crowd();
  for (const delegation of delegations) queue.end(delegation);
  assertEquals([queue.size, queue.timers], [0, 0]);
  for (const request of way.inFlight.splice(0)) request.done(RETURNED);
  finish(queue.sendWaiting());
  assertEquals(way.sent, ROOM + 1);
});

Deno.test("a sweep ends where the only recall that waits finds no room", () => {
  const { queue, way, delegations } = crowd();
  for (const delegation of delegations.slice(ROOM + 1)) queue.end(delegation);
  const work = queue.sendWaiting();
  for (let i = 0; !work.next().done; i++) assert(i < N, "it never ends");
  assertEquals(way.inFlight.length, ROOM);
});

Deno.test("a client that comes back to a file is known, one that opens another's is not", () => {
  const history = new OpenHistory(10);
  const [one, other] = [{ id: 1n }, { id: 2n }] as Client[];
  assertEquals(history.note("a", one!, "read"), false);
  assertEquals(history.note("a", one!, "read"), true);
  assertEquals(history.note("a", one!, "write"), false);
  assertEquals(history.note("a", other!, "write"), false);
  assertEquals(history.note("a", one!, "write"), false);
});

Deno.test("the history of opens keeps no client that is gone", async () => {
  const history = new OpenHistory(10);
  const gone = (() => {
    const client = { id: 1n, state: new Uint8Array(1000) } as unknown as Client;
    history.note("a", client, "read");
    return new WeakRef(client);
  })();
  // A WeakRef holds what it was made of until the turn is over.
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  assertEquals(gone.deref(), undefined);
});
