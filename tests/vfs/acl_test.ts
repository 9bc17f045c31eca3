/** Access lists against the words of RFC 8881 6, each written down here once more. */

import { assert, assertEquals } from "@std/assert";
import { accessListHolder } from "../../src/vfs/access_list.ts";
import {
  type Ace,
  AceFlag,
  AceMask,
  type AceWho,
  AclHolder,
  areSameAces,
} from "../../src/vfs/acl.ts";
import {
  acesOfMode,
  acesWithMode,
  isPlain,
  modeOfAces,
} from "../../src/vfs/acl_mode.ts";
import { inheritance, inheritedAces } from "../../src/vfs/acl_inheritance.ts";
import type { Caller } from "../../src/vfs/callers.ts";
import type { FileAttributes } from "../../src/vfs/file_system.ts";
import {
  attributesOfNew,
  completeChanges,
  entryRightsOf,
  permissionsOf,
  permits,
  refuseChanges,
  refuseRemoval,
} from "../../src/vfs/permissions.ts";
import type { Rights } from "../../src/vfs/wanted.ts";

type Type = FileAttributes["type"];

const OWNER = 5;
const GROUP = 6;
const { READ_DATA, WRITE_DATA, APPEND_DATA, EXECUTE, DELETE_CHILD } = AceMask;
const { DELETE, WRITE_ACL, WRITE_OWNER, WRITE_ATTRIBUTES } = AceMask;
const WRITE = WRITE_DATA | APPEND_DATA;
const { FILE_INHERIT, DIRECTORY_INHERIT, INHERIT_ONLY } = AceFlag;

function who(uid: number, gid: number, ...gids: number[]): Caller {
  return { uid, gid, gids };
}

/** An entry in the words of nfs4_acl(5): type, flags, who; what it is about is a mask. */
function ace(text: string, mask: number): Ace {
  const [type, flags, name] = text.split(":") as [string, string, string];
  const letters = { f: 1, d: 2, n: 4, i: 8 } as Record<string, number>;
  const bits = [...flags].reduce((all, f) => all | (letters[f] ?? 0), 0);
  const isNamed = /^\d+$/.test(name);
  return {
    type: type === "A" ? "allow" : "deny",
    flags: bits,
    mask,
    who: (isNamed ? flags.includes("g") ? "group" : "user" : name) as AceWho,
    id: isNamed ? Number(name) : 0,
  };
}

function file(aces: readonly Ace[], type: Type = "file", mode?: number) {
  return {
    type,
    mode: mode ?? modeOfAces(aces),
    uid: OWNER,
    gid: GROUP,
    [accessListHolder]: new AclHolder(aces),
  };
}

/** RFC 8881 6.2.1, of one bit: entry by entry until one says. */
function isAllowed(aces: readonly Ace[], bit: number, caller: Caller): boolean {
  const groups = [caller.gid, ...caller.gids];
  for (const { type, flags, mask, who, id } of aces) {
    if ((flags & INHERIT_ONLY) !== 0 || (mask & bit) === 0) continue;
    const isMatch = who === "everyone@" ||
      who === "owner@" && caller.uid === OWNER ||
      who === "group@" && groups.includes(GROUP) ||
      who === "user" && caller.uid === id ||
      who === "group" && groups.includes(id);
    if (isMatch) return type === "allow";
  }
  return false;
}

/** RFC 8881 6.3.2, in the same way. */
function modeByText(aces: readonly Ace[]): number {
  const thirds = (["owner@", "group@", "everyone@"] as const).map((who) => {
    const isGiven = (bit: number) => {
      const first = aces.find((ace) =>
        (ace.flags & INHERIT_ONLY) === 0 && (ace.mask & bit) !== 0 &&
        (ace.who === who || ace.who === "everyone@")
      );
      return first?.type === "allow";
    };
    return (isGiven(READ_DATA) ? 4 : 0) |
      (isGiven(WRITE_DATA) && isGiven(APPEND_DATA) ? 2 : 0) |
      (isGiven(EXECUTE) ? 1 : 0);
  });
  return thirds[0]! << 6 | thirds[1]! << 3 | thirds[2]!;
}

const CALLERS = [
  who(OWNER, GROUP),
  who(OWNER, 9),
  who(7, 9),
  who(7, GROUP),
  who(8, 9, 10, 11),
  who(8, 10, GROUP),
  who(12, 12),
];

/** Lists of what one meets: all kinds of entries, about few bits and few users. */
function* someLists(count: number, type: Type): Generator<Ace[]> {
  let state = 1;
  const draw = (below: number) => {
    state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0;
    return (state >>> 8) % below;
  };
  const whos: [AceWho, number][] = [
    ["owner@", 0],
    ["group@", 0],
    ["everyone@", 0],
    ["user", 7],
    ["user", OWNER],
    ["user", 8],
    ["group", 10],
    ["group", GROUP],
  ];
  const bits = [
    READ_DATA,
    WRITE_DATA,
    APPEND_DATA,
    WRITE,
    EXECUTE,
    DELETE_CHILD,
    DELETE,
    WRITE_ACL,
  ];
  for (let i = 0; i < count; i++) {
    yield Array.from({ length: draw(7) }, () => {
      const [who, id] = whos[draw(whos.length)]!;
      const mask = bits.reduce((all, bit) => draw(2) ? all | bit : all, 0);
      const flags = type === "directory" && draw(2) ? draw(16) : 0;
      const hands = flags & (FILE_INHERIT | DIRECTORY_INHERIT);
      return {
        type: draw(3) === 0 ? "deny" : "allow",
        flags: hands ? flags : 0,
        mask,
        who,
        id,
      } as const;
    });
  }
}

Deno.test("each bit is given by the first entry that is about the caller and says (6.2.1)", () => {
  for (const aces of someLists(4000, "directory")) {
    const attributes = file(aces);
    for (const caller of CALLERS) {
      const is = (bit: number) => isAllowed(aces, bit, caller);
      const expected = (is(READ_DATA) ? 4 : 0) |
        (is(WRITE_DATA) && is(APPEND_DATA) ? 2 : 0) | (is(EXECUTE) ? 1 : 0);
      assertEquals(permissionsOf(attributes, caller), expected);
      for (let wanted = 0; wanted < 8; wanted++) {
        const all = (expected & wanted) === wanted;
        assertEquals(permits(attributes, caller, wanted), all);
      }
      const folder = file(aces, "directory");
      assertEquals(entryRightsOf(folder, caller), {
        addsFiles: is(EXECUTE) && is(WRITE_DATA),
        addsFolders: is(EXECUTE) && is(APPEND_DATA),
        removes: is(EXECUTE) &&
          (is(DELETE_CHILD) ||
            is(WRITE_DATA) && !isDenied(aces, DELETE_CHILD, caller)),
      });
    }
  }
});

function isDenied(aces: readonly Ace[], bit: number, caller: Caller): boolean {
  const turned = aces.map((ace) => ({
    ...ace,
    type: ace.type === "deny" ? "allow" as const : "deny" as const,
  }));
  return isAllowed(turned, bit, caller);
}

Deno.test("the mode of a list is what OWNER@, GROUP@ and EVERYONE@ are given (6.3.2)", () => {
  for (const aces of someLists(4000, "directory")) {
    assertEquals(modeOfAces(aces), modeByText(aces));
  }
});

Deno.test("a mode that is set is the mode of the list, and what it names gets no more than the group (6.4.1.1)", () => {
  for (const type of ["file", "directory"] as const) {
    let mode = 0;
    for (const aces of someLists(4000, type)) {
      mode = (mode * 5 + 0o123) & 0o777;
      const set = acesWithMode(aces, mode, { type });
      assertEquals(modeByText(set), mode);
      const named = [who(7, 9), who(8, 9), who(13, 10)].filter((caller) =>
        set.some(({ flags, who, id }) =>
          (flags & INHERIT_ONLY) === 0 &&
          (who === "user" ? id === caller.uid : id === caller.gid)
        )
      );
      const bits = [[4, READ_DATA], [2, WRITE_DATA], [2, APPEND_DATA], [
        1,
        EXECUTE,
      ]] as const;
      for (const caller of named) {
        for (const [third, bit] of bits) {
          const isGroups = (mode >> 3 & third) !== 0;
          assert(isGroups || !isAllowed(set, bit, caller));
        }
      }
      // What is handed on stays, and so does the whole where the mode is set once more.
      const handedOn = (aces: readonly Ace[]) => inheritedAces(aces, "file");
      assertEquals(handedOn(set), handedOn(aces));
      assert(areSameAces(acesWithMode(set, mode, { type }), set));
    }
  }
});

Deno.test("a mode and back: the list of a file that has none is plain, and short", () => {
  for (const type of ["file", "directory"] as const) {
    for (let mode = 0; mode < 0o1000; mode++) {
      const aces = acesOfMode(mode, type);
      assertEquals(modeOfAces(aces), mode);
      assert(isPlain(aces, type));
      assert(aces.length <= 6);
    }
  }
  const plain = acesOfMode(0o640, "file");
  assertEquals(plain.map(({ type, who }) => `${type} ${who}`), [
    "allow owner@",
    "allow group@",
    "allow everyone@",
  ]);
  assert(!isPlain([...plain, ace("A::7", READ_DATA)], "file"));
});

Deno.test("a chmod takes from who is named, and leaves the order of who is denied", () => {
  const aces = [
    ace("D::7", WRITE),
    ace("A::owner@", READ_DATA | WRITE | WRITE_ACL),
    ace("A:g:10", READ_DATA | WRITE | DELETE),
    ace("A::group@", READ_DATA | WRITE),
    ace("A::everyone@", READ_DATA),
  ];
  assertEquals(acesWithMode(aces, 0o640, { type: "file" }), [
    ace("A::owner@", READ_DATA | WRITE),
    ace("D::7", WRITE),
    ace("A::owner@", WRITE_ACL),
    ace("A:g:10", READ_DATA | DELETE),
    ace("A::group@", READ_DATA),
  ]);
  // Others may what the group may not: members of it are kept out, and who is named.
  assertEquals(acesWithMode(aces, 0o604, { type: "file" }), [
    ace("A::owner@", READ_DATA | WRITE),
    ace("D::7", READ_DATA | WRITE),
    ace("A::owner@", WRITE_ACL),
    ace("A:g:10", DELETE),
    ace("D:g:10", READ_DATA),
    ace("D::group@", READ_DATA),
    ace("A::everyone@", READ_DATA),
  ]);
});

Deno.test("files get the entries for files, folders all of them, and go on handing them on (6.4.3.1)", () => {
  const folder = [
    ace("A:f:7", READ_DATA),
    ace("A:d:8", READ_DATA),
    ace("A:fdi:12", READ_DATA),
    ace("A:fdn:13", READ_DATA),
    ace("A:fn:14", READ_DATA),
    ace("A::15", READ_DATA),
  ];
  assertEquals(inheritedAces(folder, "file"), [
    ace("A::7", READ_DATA),
    ace("A::12", READ_DATA),
    ace("A::13", READ_DATA),
    ace("A::14", READ_DATA),
  ]);
  assertEquals(inheritedAces(folder, "directory"), [
    ace("A:fi:7", READ_DATA),
    ace("A:d:8", READ_DATA),
    ace("A:fd:12", READ_DATA),
    ace("A::13", READ_DATA),
  ]);
  assertEquals(inheritedAces(folder, "symlink"), []);
});

Deno.test("a umask limits what the list says nothing of, and no user who is named (RFC 8275 5)", () => {
  const named = [ace("A::7", READ_DATA | WRITE | EXECUTE)];
  const made = inheritance(named, "file", { mode: 0o666, umask: 0o022 });
  assertEquals(made.bits, 0o644);
  assertEquals(modeOfAces(made.aces), 0o644);
  assertEquals(permissionsOf(file(made.aces), who(7, 9)), 6);
  const forAll = [ace("A::everyone@", READ_DATA | EXECUTE)];
  const all = inheritance(forAll, "file", { mode: 0o666, umask: 0o077 });
  assertEquals(all.bits, 0o444);
  // Without a umask of its own the mode is what counts.
  const plain = inheritance(named, "file", { mode: 0o644, umask: undefined });
  assertEquals(permissionsOf(file(plain.aces), who(7, 9)), 4);
  // And without a mode the list.
  const none = { mode: undefined, umask: undefined };
  assertEquals(inheritance(forAll, "file", none), {
    aces: forAll,
    bits: 0o555,
  });
});

Deno.test("what is made gets the folder's entries, its own list, or none where the mode says it all", () => {
  const folder = file([
    ace("A::everyone@", READ_DATA | WRITE | EXECUTE),
    ace("A:f:7", READ_DATA | WRITE),
  ], "directory");
  const make = (changes: object, type: "file" | "directory" = "file") =>
    attributesOfNew(folder, who(12, 12), {
      type,
      changes,
      umask: undefined,
    }) as { mode: number; acl?: unknown };
  const inherited = make({ mode: 0o640 });
  assertEquals(inherited.mode, 0o640);
  assertEquals(inherited.acl, [
    ace("A::owner@", READ_DATA | WRITE),
    ace("A::7", READ_DATA),
    ace("A::group@", READ_DATA),
  ]);
  // Nothing is said of it yet: the client will.
  assertEquals([make({}).mode, make({}).acl], [0o600, undefined]);
  const own = [ace("A::owner@", READ_DATA)];
  const given = make({ mode: 0o4777, acl: own });
  assertEquals([given.mode, given.acl], [0o4400, own]);
  const plain = make({ acl: acesOfMode(0o640, "file") });
  assertEquals([plain.mode, plain.acl], [0o640, "mode"]);
});

Deno.test("the owner, and who may write the list, set list and mode; others may take what they are let (6.2.1.3.1)", () => {
  const listed = file([
    ace("A::7", WRITE_ACL),
    ace("A::8", WRITE_OWNER),
    ace("A::12", WRITE_ATTRIBUTES),
  ]);
  const refusal = (uid: number, changes: object, gid = 9) =>
    refuseChanges(listed, who(uid, gid), changes);
  for (const uid of [0, OWNER, 7]) {
    assertEquals(refusal(uid, { mode: 0o600 }), undefined);
    assertEquals(refusal(uid, { acl: [] }), undefined);
  }
  for (const uid of [8, 12, 99]) {
    assertEquals(refusal(uid, { mode: 0o600 }), "permission");
    assertEquals(refusal(uid, { acl: [] }), "permission");
  }
  assertEquals(refusal(8, { uid: 8, gid: 9 }), undefined);
  assertEquals(refusal(8, { uid: 7 }), "permission");
  assertEquals(refusal(8, { gid: 10 }), "permission");
  assertEquals(refusal(7, { uid: 7 }), "permission");
  const past = { seconds: 1, nanoseconds: 0 };
  assertEquals(refusal(12, { mtime: past }), undefined);
  assertEquals(refusal(12, { mtime: "now" }), undefined);
  assertEquals(refusal(7, { mtime: past }), "permission");
  assertEquals(refusal(7, { atime: "now" }), "access");
  // Who may write it as well would run its program as its owner.
  const set = completeChanges(listed, who(7, GROUP), { mode: 0o6755 });
  assertEquals(set.mode, 0o755);
});

Deno.test("a list sets the mode, keeps its high bits, and a mode the list (6.4.1)", () => {
  const before: Rights = { type: "file", mode: 0o4751, uid: OWNER, gid: GROUP };
  const aces = [ace("A::owner@", READ_DATA), ace("A::7", READ_DATA)];
  const owner = who(OWNER, GROUP);
  assertEquals(completeChanges(before, owner, { acl: aces }), {
    mode: 0o4400,
    acl: aces,
  });
  assertEquals(completeChanges(before, owner, { acl: aces, mode: 0o1777 }), {
    mode: 0o1400,
    acl: aces,
  });
  const listed = file(aces);
  assertEquals(completeChanges(listed, owner, { mode: 0o600 }), {
    mode: 0o600,
    acl: [ace("A::owner@", READ_DATA | WRITE)],
  });
  assertEquals(completeChanges(listed, owner, { size: 0 }), { size: 0 });
});

Deno.test("an entry goes where the file or the folder lets it, and where none denies it by the right to add (6.2.1.3.2)", () => {
  const folder = (...aces: Ace[]) =>
    file([ace("A::everyone@", EXECUTE), ...aces], "directory");
  const child = (...aces: Ace[]) => ({ ...file(aces), uid: 99 });
  const user = who(7, 9);
  const refusal = (folder: Rights, child: Rights) =>
    refuseRemoval(folder, child, user);
  const deletes = ace("A::7", DELETE);
  const denies = ace("D::7", DELETE);
  const deletesChild = ace("A::7", DELETE_CHILD);
  const deniesChild = ace("D::7", DELETE_CHILD);
  const adds = ace("A::7", WRITE_DATA);
  assertEquals(refusal(folder(deletesChild), child(denies)), undefined);
  assertEquals(refusal(folder(deniesChild), child(deletes)), undefined);
  assertEquals(refusal(folder(), child(deletes)), undefined);
  assertEquals(refusal(folder(adds), child()), undefined);
  assertEquals(refusal(folder(), child()), "access");
  assertEquals(refusal(folder(deniesChild, adds), child()), "access");
  assertEquals(refusal(folder(adds), child(denies)), "access");
  // A sticky folder is for owners, but for what names the right.
  const sticky = { ...folder(adds, deletesChild), mode: 0o1777 };
  assertEquals(refusal(sticky, child()), "permission");
  assertEquals(refusal(sticky, { ...child(), uid: 7 }), undefined);
  assertEquals(refusal(sticky, child(deletes)), undefined);
  // Without the right to pass the folder there is none.
  const closed = file([deletesChild], "directory");
  assertEquals(refusal(closed, child(deletes)), "access");
});
