import { assertEquals } from "@std/assert";
import {
  type AccessList,
  accessListHolder,
} from "../../src/vfs/access_list.ts";
import { permissionsOf, permits } from "../../src/vfs/permissions.ts";
import { rightsOf } from "../../src/vfs/wanted.ts";

const LIST: AccessList = {
  users: new Map([[1001, 7], [1002, 0]]),
  group: 4,
  groups: new Map([[200, 2], [201, 1]]),
  mask: 6,
  other: 1,
};

/** A file of user 1 and group 100 with the list; what is asked of it is counted. */
function listed(mode: number, list?: AccessList) {
  let asked = 0;
  const accessList = () => (asked++, list);
  const attributes = {
    type: "file" as const,
    mode,
    uid: 1,
    gid: 100,
    [accessListHolder]: { accessList },
  };
  return { attributes: rightsOf(attributes), asked: () => asked };
}

function caller(uid: number, gid = 9, ...gids: number[]) {
  return { uid, gid, gids };
}

Deno.test("an access list says what users and groups may, as acl(5) has it", () => {
  const { attributes } = listed(0o761, LIST);
  const expected = [
    // Named: within the mask, and whatever the groups may.
    [caller(1001), 6],
    [caller(1002, 100, 200), 0],
    // The owning group is no more than its own entry, for the mode has the mask.
    [caller(5, 100), 4],
    [caller(5, 9, 200), 2],
    [caller(5, 201), 0],
    [caller(5, 100, 200), 6],
    [caller(5), 1],
    [caller(1), 7],
    [caller(0), 7],
  ] as const;
  for (const [caller, bits] of expected) {
    assertEquals(permissionsOf(attributes, caller), bits, String(caller.uid));
  }
});

Deno.test("one entry of an access list has to give all that is wanted at once", () => {
  const { attributes } = listed(0o761, LIST);
  const both = caller(5, 100, 200);
  assertEquals([4, 2, 6].map((bits) => permits(attributes, both, bits)), [
    true,
    true,
    false,
  ]);
  assertEquals(permits(attributes, caller(1001), 6), true);
});

Deno.test("an access list is asked for only where it could say something", () => {
  const open = listed(0o777, LIST);
  permissionsOf(open.attributes, caller(0));
  permits(open.attributes, caller(1), 7);
  assertEquals(open.asked(), 0);
  permits(open.attributes, caller(2), 7);
  assertEquals(open.asked(), 1);
  const closed = listed(0o700, LIST);
  assertEquals(permissionsOf(closed.attributes, caller(1001)), 0);
  assertEquals(closed.asked(), 0);
});

Deno.test("an access list whose mask is 000 says nothing: the mode does, as with Linux", () => {
  const { attributes, asked } = listed(0o704, { ...LIST, mask: 0, other: 4 });
  const callers = [caller(1001), caller(5, 100), caller(5, 200), caller(5)];
  const given = callers.map((each) => permissionsOf(attributes, each));
  assertEquals(given, [4, 0, 4, 4]);
  assertEquals(asked(), 0);
});

Deno.test("where there is no access list the mode says it all", () => {
  const { attributes } = listed(0o750);
  assertEquals(permissionsOf(attributes, caller(1001)), 0);
  assertEquals(permissionsOf(attributes, caller(5, 100)), 5);
});
