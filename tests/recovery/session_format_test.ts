import { assertEquals } from "@std/assert";
import { decodeSlot, SlotEncoder } from "../../src/recovery/session_format.ts";
import { principalNumber } from "../../src/state/principal.ts";
import { AUTH_NONE, AuthFlavor } from "../../src/rpc/auth.ts";

Deno.test("a slot is read back with its caller, whatever the uid", () => {
  const uids = [0, 1000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe];
  const callers = uids.map((uid) =>
    principalNumber({
      flavor: AuthFlavor.SYS,
      machineName: "",
      uid,
      gid: 0,
      gids: [],
    })
  );
  for (const principal of [...callers, principalNumber(AUTH_NONE)]) {
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
