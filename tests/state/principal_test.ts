import { assertEquals } from "@std/assert";
import { AUTH_NONE, AuthFlavor } from "../../src/rpc/auth.ts";
import { principalNumber, principalOf } from "../../src/state/principal.ts";

Deno.test("a principal is the user of AUTH_SYS, whatever its groups and machine", () => {
  const sys = (machineName: string, uid: number, gid: number) => ({
    flavor: AuthFlavor.SYS,
    machineName,
    uid,
    gid,
    gids: [gid],
  });
  assertEquals(principalOf(sys("a", 7, 1)), principalOf(sys("b", 7, 2)));
  assertEquals(principalOf(sys("a", 7, 1)) === "sys:8", false);
  assertEquals(principalOf(AUTH_NONE), "none");
  assertEquals(principalNumber(sys("a", 0xffff_ffff, 1)), 0xffff_ffff);
  assertEquals(principalNumber(AUTH_NONE), -1);
});
