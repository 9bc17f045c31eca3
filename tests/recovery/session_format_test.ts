import { assertEquals } from "@std/assert";
import {
  decodeClient,
  decodeSlot,
  encodeClient,
  SlotEncoder,
} from "../../src/recovery/session_format.ts";
import { Client } from "../../src/state/client.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { UNKNOWN } from "../../src/rpc/auth.ts";

Deno.test("a slot is read back with its caller, whatever the uid", () => {
  const uids = [0, 1000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe];
  const callers = uids.map((uid) => `sys:${uid}`);
  for (const principal of [...callers, UNKNOWN.principal, "krb5:Zoë@ÅÄÖ"]) {
    const slot = {
      isAnswered: true,
      sequence: 7,
      length: 3,
      digest: -5,
      principal,
      reply: new Uint8Array([1, 2, 3]),
    };
    assertEquals(decodeSlot(new SlotEncoder().encode(slot)), slot);
  }
});

Deno.test("a slot of a store from before is read with its caller, who is a uid there", () => {
  for (
    const [uid, principal] of [
      [0, "sys:0"],
      [0xffff_fffe, "sys:4294967294"],
      [-1, "none"],
    ] as const
  ) {
    const bytes = new Uint8Array(23).fill(9);
    const view = new DataView(bytes.buffer);
    [3, 7, 5, -1, uid].forEach((word, i) => view.setInt32(4 * i, word));
    assertEquals(decodeSlot(bytes), {
      isAnswered: true,
      sequence: 7,
      length: 5,
      digest: -1,
      principal,
      reply: new Uint8Array(3).fill(9),
    });
  }
});

Deno.test("a client is kept with its party, and read where an older version kept none", () => {
  const client = new Client({
    id: 1n,
    protocol: 1,
    owner: Uint8Array.of(1),
    verifier: new Uint8Array(8),
    principal: "sys:0",
    party: "192.0.2.1",
    account: new StateBudget().account("192.0.2.1"),
    renewedAt: 0,
  });
  const kept = encodeClient(client);
  assertEquals(decodeClient(kept).party, "192.0.2.1");
  const older = kept.subarray(0, kept.length - 4 - 12);
  const { party, principal } = decodeClient(older);
  assertEquals([party, principal], ["", "sys:0"]);
});
