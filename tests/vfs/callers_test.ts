import { assertEquals, assertStrictEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type Credential, UNKNOWN } from "../../src/rpc/auth.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { CallerTable } from "../../src/vfs/callers.ts";
import { defineExport, type Squash } from "../../src/vfs/exports.ts";
import type { Trust } from "../../src/vfs/file_system.ts";
import { type Bearer, strictestOf, voucherFor } from "../../src/vfs/trust.ts";

function credential(uid: number, gid: number, gids: number[] = []): Credential {
  return sysCredential({ uid, gid, gids });
}

function of(squash: Squash | undefined, who: Credential) {
  const terms = defineExport({
    path: "/",
    fs: memory(),
    squash,
    anonymous: { uid: 99, gid: 98 },
  });
  const { uid, gid, gids } = new CallerTable().of(who, terms);
  return { uid, gid, gids };
}

const anonymous = { uid: 99, gid: 98, gids: [] };

Deno.test("AUTH_NONE is anonymous, whatever is squashed (RFC 5531 8.2)", () => {
  for (const squash of ["none", "root", "all"] as const) {
    assertEquals(of(squash, UNKNOWN), anonymous);
  }
});

Deno.test("squash none, the default, takes callers at their word", () => {
  const root = { uid: 0, gid: 0, gids: [0, 5] };
  assertEquals(of("none", credential(0, 0, [0, 5])), root);
  assertEquals(of(undefined, credential(0, 0, [0, 5])), root);
});

Deno.test("squash root replaces root's user and groups only", () => {
  assertEquals(of("root", credential(7, 8, [9])), {
    uid: 7,
    gid: 8,
    gids: [9],
  });
  assertEquals(of("root", credential(0, 0, [0, 9])), {
    uid: 99,
    gid: 98,
    gids: [98, 9],
  });
  assertEquals(of("root", credential(7, 0)), { uid: 7, gid: 98, gids: [] });
});

Deno.test("squash all makes everybody anonymous", () => {
  assertEquals(of("all", credential(7, 8, [9])), anonymous);
});

Deno.test("a credential is squashed once on each export", () => {
  const table = new CallerTable();
  const who = credential(0, 0);
  const squashed = (uid: number) =>
    defineExport({
      path: `/${uid}`,
      fs: memory(),
      squash: "root",
      anonymous: { uid },
    });
  const a = squashed(1);
  const b = squashed(2);
  assertStrictEquals(table.of(who, a), table.of(who, a));
  assertEquals(table.of(who, a).uid, 1);
  assertEquals(table.of(who, b).uid, 2);
});

Deno.test("on each export the caller is whom its way of trust takes it for", () => {
  const table = new CallerTable();
  const numbers = (uid: number) => ({ uid, gid: uid, gids: [] });
  const standing = { owner: numbers(7), port: undefined, any: numbers(0) };
  const who = sysCredential(numbers(7), standing);
  const nobody: Credential = { ...UNKNOWN, standing };
  const uidOn = (trust: Trust, who: Credential, squash: Squash) =>
    table.of(
      who,
      defineExport({ path: "/", fs: memory(), trust, squash }),
    ).uid;
  for (const credential of [who, nobody]) {
    for (const squash of ["none", "root"] as const) {
      assertEquals(uidOn("owner", credential, squash), 7);
      assertEquals(uidOn("port", credential, squash), 65534);
    }
    assertEquals(uidOn("any", credential, "none"), 0);
    assertEquals(uidOn("any", credential, "root"), 65534);
    assertEquals(uidOn("owner", credential, "all"), 65534);
  }
});

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
