import { assertEquals } from "@std/assert";
import {
  CALLBACK_OPERATIONS,
  type CallbackOperation,
  callbackOperation,
} from "../../src/backchannel/callback_ops.ts";
import { Status, type StatusCode } from "../../src/nfs4/constants.ts";
import { errorLists } from "../docs/error_lists.ts";
import { CallbackFixture, HANDLE, recall } from "./callback_fixture.ts";

/** What the server calls back with. */
const operations: Record<
  "RECALL" | "GETATTR" | "NOTIFY" | "NOTIFY_LOCK",
  CallbackOperation
> = {
  RECALL: recall(),
  GETATTR: callbackOperation(CALLBACK_OPERATIONS.CB_GETATTR, {
    handle: HANDLE,
  }),
  NOTIFY: callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY, {
    stateid: { seqid: 1, other: new Uint8Array(12) },
    handle: HANDLE,
    changes: [],
  }),
  NOTIFY_LOCK: callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY_LOCK, {
    handle: HANDLE,
    clientid: 1n,
    owner: new Uint8Array(4),
  }),
};

/** Answers to a sequence id that the client knows already (RFC 8881 2.10.6.1.3). */
const SEEN: readonly string[] = ["RETRY_UNCACHED_REP", "SEQ_FALSE_RETRY"];

function statusOf(error: string): StatusCode {
  return Status[error as keyof typeof Status];
}

for (const [op, operation] of Object.entries(operations)) {
  Deno.test(`whatever error a client answers CB_${op} with is heard, and the next callback goes out (RFC 8881 15.3)`, async () => {
    await using line = new CallbackFixture(1);
    await line.join();
    for (const error of errorLists["4.1"].get(`CB_${op}`)!) {
      const status = statusOf(error);
      line.peer.next({
        kind: "status",
        status,
        op: op as keyof typeof operations,
      });
      const outcome = await line.recall({ operations: [operation] });
      assertEquals(outcome, { kind: "answered", results: [{ status }] }, error);
      assertEquals((await line.recall()).kind, "answered", error);
    }
    line.peer.assertClean();
  });
}

Deno.test("whatever error a client answers CB_SEQUENCE with is final or asked again, and the slot goes on (RFC 8881 15.3, 20.9)", async () => {
  for (const error of errorLists["4.1"].get("CB_SEQUENCE")!) {
    await using line = new CallbackFixture(1, {
      delay: 1,
      backoff: [1],
      attempts: 3,
    });
    await line.join();
    line.peer.next({ kind: "status", status: statusOf(error), op: "SEQUENCE" });
    const { kind } = await line.recall();
    // The client says that it had seen the callback: there is nothing to repeat.
    const wasSeen = SEEN.includes(error);
    // The one is asked again, the other on another connection; the rest is final.
    const isRepeated = ["DELAY", "CONN_NOT_BOUND_TO_SESSION"].includes(error);
    const expected = wasSeen || isRepeated ? "answered" : "refused";
    assertEquals(kind, expected, error);
    if (!wasSeen) assertEquals((await line.recall()).kind, "answered", error);
  }
});
