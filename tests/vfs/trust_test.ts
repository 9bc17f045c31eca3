import { assertEquals } from "@std/assert";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { type Bearer, strictestOf, voucherFor } from "../../src/vfs/trust.ts";

const claimed = { uid: 0, gid: 0, gids: [0, 5] };
const ann = { uid: 1000, gid: 100, gids: [29] };
const root = { uid: 0, gid: 0, gids: [] };

function uidsOf(bearer: Bearer): (number | undefined)[] {
  const { standing } = voucherFor(bearer, "owner")(claimed);
  const { owner, port, any } = standing!;
  return [owner, port, any].map((each) => each?.uid);
}

Deno.test("root's socket speaks for anybody, another user's for that user alone", () => {
  const isPrivileged = false;
  assertEquals(uidsOf({ holder: root, isPrivileged }), [0, undefined, 0]);
  assertEquals(uidsOf({ holder: ann, isPrivileged }), [1000, undefined, 0]);
  assertEquals(uidsOf({ holder: undefined, isPrivileged }), [
    undefined,
    undefined,
    0,
  ]);
  assertEquals(uidsOf({ holder: "elsewhere", isPrivileged }), [
    0,
    undefined,
    0,
  ]);
});

Deno.test("a privileged port speaks for anybody, but for its owner's sake where owners count", () => {
  assertEquals(uidsOf({ holder: ann, isPrivileged: true }), [1000, 0, 0]);
});

Deno.test("whatever belongs to no export goes by the strictest way of all", () => {
  const bearer = { holder: ann, isPrivileged: false };
  const judged = voucherFor(bearer, "owner")(claimed);
  const standing = { owner: ann, port: undefined, any: claimed };
  assertEquals(judged, sysCredential(ann, standing));
  assertEquals(judged.principal, "sys:1000");
  const unbelieved = voucherFor(bearer, "port")(claimed);
  assertEquals(unbelieved.principal, "none");
  assertEquals(unbelieved.user, undefined);
  assertEquals(strictestOf(["any", "port", "owner"]), "owner");
  assertEquals(strictestOf(["any", "port"]), "port");
  assertEquals(strictestOf(["any"]), "any");
});

Deno.test("root's word is taken with its groups", () => {
  const judged = voucherFor({ holder: root, isPrivileged: false }, "owner")(
    claimed,
  );
  assertEquals(judged.user, claimed);
});
