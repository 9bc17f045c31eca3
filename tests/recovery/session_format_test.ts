import { assertEquals } from "@std/assert";
import { decodeSlot, SlotEncoder } from "../../src/recovery/session_format.ts";
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
