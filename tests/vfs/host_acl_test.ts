import { assert, assertEquals } from "@std/assert";
import {
  type AccessList,
  accessListHolder,
} from "../../src/vfs/access_list.ts";
import { type Ace, AceMask, AclHolder } from "../../src/vfs/acl.ts";
import { acesOfHost, hostListsOf } from "../../src/vfs/host_acl.ts";
import { acesOfMode } from "../../src/vfs/acl_mode.ts";
import type { Caller } from "../../src/vfs/callers.ts";
import { permissionsOf } from "../../src/vfs/permissions.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const OWNER = 5;
const GROUP = 6;
const CALLERS: readonly Caller[] = [
  { uid: OWNER, gid: GROUP, gids: [] },
  { uid: OWNER, gid: 9, gids: [10] },
  { uid: 7, gid: 9, gids: [] },
  { uid: 7, gid: GROUP, gids: [10] },
  { uid: 8, gid: 10, gids: [11] },
  { uid: 8, gid: 10, gids: [GROUP] },
  { uid: 12, gid: 10, gids: [GROUP, 11] },
  { uid: 12, gid: GROUP, gids: [] },
  { uid: 12, gid: 12, gids: [] },
];
const { READ_DATA, WRITE_DATA, APPEND_DATA, EXECUTE } = AceMask;

/** What the host's list gives a caller. */
function byHost(list: AccessList, caller: Caller): number {
  const { owner, users, group, groups, mask, other } = list;
  const shown = users.size + groups.size > 0 ? mask : group;
  const file = { type: "file", uid: OWNER, gid: GROUP } as const;
  const mode = owner << 6 | shown << 3 | other;
  const holder = { accessList: () => list };
  const attributes = { ...file, mode, [accessListHolder]: holder };
  return permissionsOf(attributes, caller);
}

function byAces(aces: readonly Ace[], caller: Caller): number {
  const file = { type: "file", mode: 0, uid: OWNER, gid: GROUP } as const;
  const holder = new AclHolder(aces);
  const attributes = { ...file, [accessListHolder]: holder };
  return permissionsOf(attributes, caller);
}

Deno.test("what the host is told of a list gives no caller more than the list does (RFC 8881 6.2.1)", () => {
  const random = new SeededRandom(7);
  const whos = [
    ["owner@", 0],
    ["group@", 0],
    ["everyone@", 0],
    ["user", 7],
    ["user", 8],
    ["group", 10],
    ["group", 11],
  ] as const;
  let same = 0;
  for (let i = 0; i < 5000; i++) {
    const aces = Array.from({ length: random.below(7) }, (): Ace => {
      const [who, id] = random.pick(whos);
      const bits = [READ_DATA, WRITE_DATA, APPEND_DATA, EXECUTE];
      const mask = bits.reduce(
        (all, bit) => random.below(2) ? all | bit : all,
        0,
      );
      const type = random.oneIn(4) ? "deny" : "allow";
      return { type, flags: 0, mask, who, id };
    });
    const { access, given } = hostListsOf(aces);
    assertEquals(given, undefined);
    for (const caller of CALLERS) {
      const [told, meant] = [byHost(access, caller), byAces(aces, caller)];
      assertEquals(told & ~meant, 0, JSON.stringify({ aces, caller }));
      if (told === meant) same++;
    }
  }
  // And as a rule the same.
  assert(same > 25_000, String(same));
});

Deno.test("a list of the host's is shown as one that gives every caller the same", () => {
  const random = new SeededRandom(8);
  const bits = () => random.below(8);
  const named = (...ids: number[]) =>
    new Map(ids.slice(random.below(3)).map((id) => [id, bits()] as const));
  for (let i = 0; i < 3000; i++) {
    const list: AccessList = {
      ...{ owner: bits(), group: bits(), other: bits() },
      users: named(7, 8),
      groups: named(10, 11),
      mask: 1 + random.below(7),
    };
    const aces = acesOfHost(list, undefined, "file");
    for (const caller of CALLERS) {
      assertEquals(byAces(aces, caller), byHost(list, caller));
    }
    // Set as it was shown it is the same.
    const { access } = hostListsOf(aces);
    for (const caller of CALLERS) {
      assertEquals(byHost(access, caller), byHost(list, caller));
    }
  }
});

Deno.test("a mode without a list is shown alike, and what a folder hands on apart", () => {
  const none = new Map<number, number>();
  const plain = { owner: 6, users: none, group: 4, groups: none, mask: 7 };
  assertEquals(
    acesOfHost({ ...plain, other: 0 }, undefined, "file"),
    acesOfMode(0o640, "file"),
  );
  const list = { ...plain, other: 0 };
  const given = { ...list, users: new Map([[7, 7]]) };
  const aces = acesOfHost(list, given, "directory");
  const handedOn = aces.filter(({ flags }) => flags !== 0);
  assertEquals(new Set(handedOn.map(({ flags }) => flags)), new Set([0xb]));
  const back = hostListsOf(aces);
  assertEquals(back.given?.users, given.users);
  assertEquals(back.access.users.size, 0);
});
