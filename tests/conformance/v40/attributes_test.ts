import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  anonymousStateid,
  type AttributeName,
  attributeName,
  attributeNumber,
  type Attributes,
  authSys,
  bypassStateid,
  op,
  walk,
} from "../../support/client/mod.ts";
import { statusName } from "../../support/client/names.ts";
import { SAMPLES } from "./attribute_samples.ts";
import {
  CREATE,
  createOp,
  type Fixture,
  KINDS,
  kindsBut,
  startFixture,
  TYPE_OF,
} from "./fixture.ts";

/** RFC 7530 5.6. */
const REQUIRED: AttributeName[] = [
  "supported_attrs",
  "type",
  "fh_expire_type",
  "change",
  "size",
  "link_support",
  "symlink_support",
  "named_attr",
  "fsid",
  "unique_handles",
  "lease_time",
  "rdattr_error",
  "filehandle",
];
/** RFC 7530 5.5: for SETATTR alone. */
const SET_ONLY: AttributeName[] = ["time_access_set", "time_modify_set"];
/** Number of the last attribute of RFC 7530. */
const LAST = 55;
/** RFC 7530 5.7: what a client may set, where it is supported. */
const SETTABLE: AttributeName[] = [
  "size",
  "acl",
  "archive",
  "hidden",
  "mimetype",
  "mode",
  "owner",
  "owner_group",
  "system",
  "time_access_set",
  "time_backup",
  "time_create",
  "time_modify_set",
];

async function supported(fixture: Fixture, kind: string): Promise<Set<string>> {
  const reply = await fixture.ok(
    ...walk([kind]),
    op.getattr(["supported_attrs"]),
  );
  const numbers = reply.get("GETATTR").attributes.supported_attrs!;
  return new Set(numbers.map((number) => attributeName(number)!));
}

const only = (name: AttributeName): Attributes => ({ [name]: SAMPLES[name] });
const names = Object.keys(SAMPLES) as AttributeName[];

Deno.test("every type has the required attributes, and says so (5.6, 5.8.1.1)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const reply = await fixture.ok(...walk([kind]), op.getattr(REQUIRED));
    const { attributes } = reply.get("GETATTR");
    assertEquals(Object.keys(attributes), REQUIRED, kind);
    assertEquals(attributes.type, TYPE_OF[kind]);
    assertEquals(attributes.rdattr_error, Status.OK);
    const all = attributes.supported_attrs!;
    for (const name of REQUIRED) assert(all.includes(attributeNumber(name)));
    assert(Math.max(...all) <= LAST, kind);
  }
});

Deno.test("GETATTR of all that can be got answers what is supported, and no more (16.7.5)", async () => {
  await using fixture = await startFixture();
  const wanted = names.filter((name) => !SET_ONLY.includes(name));
  for (const kind of KINDS) {
    const has = await supported(fixture, kind);
    const reply = await fixture.ok(...walk([kind]), op.getattr(wanted));
    const got = Object.keys(reply.get("GETATTR").attributes);
    assertEquals(got, wanted.filter((name) => has.has(name)), kind);
  }
});

Deno.test("GETATTR of nothing and of the unknown answers nothing (16.7.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    for (const numbers of [[], [1000], [56, 63, 96, 127]]) {
      const reply = await fixture.ok(...walk([kind]), op.getattr(numbers));
      assertEquals(reply.get("GETATTR").attributes, {}, kind);
    }
  }
});

Deno.test("what can only be set is INVAL to get, to list and to compare (5.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    for (const name of SET_ONLY) {
      const at = walk([kind]);
      const get = await fixture.status(...at, op.getattr(["size", name]));
      const same = await fixture.status(...at, op.verify(only(name)));
      const differs = await fixture.status(...at, op.nverify(only(name)));
      assertEquals([get, same, differs], ["INVAL", "INVAL", "INVAL"], kind);
    }
  }
  for (const name of SET_ONLY) {
    const list = op.readdir({ attributes: [name] });
    assertEquals(await fixture.status(op.putrootfh(), list), "INVAL");
  }
});

Deno.test("VERIFY and NVERIFY of what GETATTR has just said (16.35.5, 16.15.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const at = walk([kind]);
    const wanted = names.filter((name) =>
      !SET_ONLY.includes(name) && name !== "rdattr_error"
    );
    const { attributes } = (await fixture.ok(...at, op.getattr(wanted)))
      .get("GETATTR");
    assertEquals(await fixture.status(...at, op.verify(attributes)), "OK");
    assertEquals(await fixture.status(...at, op.nverify(attributes)), "SAME");
    const type = { type: TYPE_OF[kind] };
    assertEquals(await fixture.status(...at, op.verify(type)), "OK");
    assertEquals(await fixture.status(...at, op.nverify(type)), "SAME");
    const size = { size: attributes.size! + 1n };
    assertEquals(await fixture.status(...at, op.verify(size)), "NOT_SAME");
    assertEquals(await fixture.status(...at, op.nverify(size)), "OK");
    const error = { rdattr_error: 0 };
    assertEquals(await fixture.status(...at, op.verify(error)), "INVAL");
    assertEquals(await fixture.status(...at, op.nverify(error)), "INVAL");
  }
});

Deno.test("VERIFY and NVERIFY of what is not supported are ATTRNOTSUPP (16.35.5, 16.15.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const has = await supported(fixture, kind);
    for (const name of names.filter((name) => !has.has(name))) {
      const at = walk([kind]);
      for (const request of [op.verify(only(name)), op.nverify(only(name))]) {
        assertEquals(await fixture.status(...at, request), "ATTRNOTSUPP", name);
      }
    }
  }
});

Deno.test("setting what can only be got is INVAL, what is not supported ATTRNOTSUPP, for every type (5.5, 16.32.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const has = await supported(fixture, kind);
    for (const name of names) {
      if (has.has(name) && SETTABLE.includes(name)) continue;
      const status = has.has(name) ? "INVAL" : "ATTRNOTSUPP";
      const reply = await fixture.client.compound(
        [...walk([kind]), op.setattr(only(name))],
        { expect: "any" },
      );
      assertEquals(statusName(reply.status), status, `${kind} ${name}`);
    }
  }
});

Deno.test("CREATE and OPEN refuse the same, and make nothing (16.4.6, 16.16.6)", async () => {
  await using fixture = await startFixture();
  const has = await supported(fixture, "dir");
  for (const name of names) {
    if (has.has(name) && SETTABLE.includes(name)) continue;
    const status = has.has(name) ? "INVAL" : "ATTRNOTSUPP";
    const attributes = only(name);
    const made = await fixture.status(
      op.putrootfh(),
      op.create({ type: 2, name: "made", attributes }),
    );
    assertEquals(made, status, name);
    const opened = await fixture.openStatus("opened", {
      create: { ...CREATE, attributes },
    });
    assertEquals(opened, status, name);
  }
  for (const name of ["made", "opened"]) {
    assertEquals(await fixture.status(...walk([name])), "NOENT");
  }
});

Deno.test("a mode is set on every type, whatever the stateid says (16.32.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const other = await fixture.open("file", { owner: "other" });
  const stateids = [anonymousStateid, bypassStateid, file.stateid];
  for (const [at, stateid] of stateids.entries()) {
    const mode = 0o740 + at;
    const reply = await fixture.ok(
      op.putfh(file.filehandle),
      op.setattr({ mode }, stateid),
      op.getattr(["mode"]),
    );
    assertEquals(reply.get("SETATTR").attrset, [attributeNumber("mode")]);
    assertEquals(reply.get("GETATTR").attributes, { mode });
  }
  // RFC 7530 16.32.5: only a size looks at the stateid.
  const foreign = op.setattr({ mode: 0o600 }, other.stateid);
  assertEquals(await fixture.status(op.putfh(file.filehandle), foreign), "OK");
  for (const kind of kindsBut("file")) {
    const reply = await fixture.ok(
      ...walk([kind]),
      op.setattr({ mode: 0o740 }),
      op.getattr(["mode"]),
    );
    assertEquals(reply.get("GETATTR").attributes.mode, 0o740, kind);
  }
});

Deno.test("a size is set under an open for writing of that file (16.32.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new", { deny: Share.DENY_NONE });
  const other = await fixture.open("file", { owner: "other" });
  const at = op.putfh(file.filehandle);
  for (const stateid of [anonymousStateid, bypassStateid, file.stateid]) {
    for (const size of [10n, 0n]) {
      const reply = await fixture.ok(
        at,
        op.setattr({ size }, stateid),
        op.getattr(["size"]),
      );
      assertEquals(reply.get("GETATTR").attributes.size, size);
    }
  }
  const wrong = op.setattr({ size: 1n }, other.stateid);
  assertEquals(await fixture.status(at, wrong), "BAD_STATEID");
  const reading = await fixture.open("read", { access: Share.ACCESS_READ });
  const unwritten = await fixture.status(
    op.putfh(reading.filehandle),
    op.setattr({ size: 1n }, reading.stateid),
  );
  assertEquals(unwritten, "OPENMODE");
  // With an owner, at once.
  const mixed = await fixture.ok(
    at,
    op.setattr({ size: 5n, owner: "7" }),
    op.getattr(["size", "owner"]),
  );
  assertEquals(mixed.get("GETATTR").attributes, { size: 5n, owner: "7" });
});

Deno.test("a size that no file can have is FBIG, and changes nothing (16.32.5)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  for (const size of [(1n << 64n) - 1n, 1n << 63n, 1n << 53n]) {
    const reply = await fixture.client.expectStatus(Status.FBIG, [
      op.putfh(filehandle),
      op.setattr({ size, mode: 0o600 }, stateid),
    ]);
    assertEquals(reply.results.length, 2);
  }
  const after = await fixture.ok(
    op.putfh(filehandle),
    op.getattr(["size", "mode"]),
  );
  assertEquals(after.get("GETATTR").attributes, { size: 0n, mode: 0o644 });
});

Deno.test("values that are not what the bitmap says are BADXDR (13.1.1.1)", async () => {
  await using fixture = await startFixture();
  const mask = [attributeNumber("mode")];
  for (const length of [0, 2, 3, 5, 8, 16]) {
    const values = new Uint8Array(length);
    const status = await fixture.status(
      ...walk(["dir"]),
      op.setattr({ mask, values }),
    );
    assertEquals(status, "BADXDR", `${length} bytes`);
  }
});

Deno.test("times and owners that can't be are INVAL or BADOWNER (2.2.1, 5.9)", async () => {
  await using fixture = await startFixture();
  const set = (attributes: Attributes) =>
    fixture.status(...walk(["dir"]), op.setattr(attributes));
  const late = { seconds: 500_000_000n, nanoseconds: 1_000_000_000 };
  assertEquals(await set({ time_modify_set: late }), "INVAL");
  assertEquals(await set({ time_access_set: late }), "INVAL");
  assertEquals(await set({ owner: "" }), "INVAL");
  assertEquals(await set({ owner_group: "" }), "INVAL");
  assertEquals(await set({ owner: "who ever" }), "BADOWNER");
  assertEquals(await set({ owner_group: "-1" }), "BADOWNER");
  assertEquals(await set({ mode: 0o10000 }), "INVAL");
});

Deno.test("change moves with every SETATTR and every WRITE, however quick (5.8.1.4)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const change = op.getattr(["change"]);
  const modes = [0o740, 0o741, 0o742, 0o743].flatMap((mode) => [
    op.setattr({ mode }),
    change,
  ]);
  const writes = [0n, 10n, 20n, 30n].flatMap((offset) => [
    op.write({ stateid, offset, data: "0123456789" }),
    change,
  ]);
  const reply = await fixture.ok(
    op.putfh(filehandle),
    change,
    ...modes,
    ...writes,
  );
  const seen = reply.results.flatMap(({ name }, i) =>
    name === "GETATTR" ? [i] : []
  ).map((_, i) => reply.get("GETATTR", i).attributes.change);
  assertEquals(seen.length, 9);
  assertEquals(new Set(seen).size, seen.length);
});

Deno.test("a SETATTR of a folder, and a WRITE below it, in one COMPOUND (14.2.3)", async () => {
  await using fixture = await startFixture();
  const { stateid } = await fixture.open(["dir", "new"]);
  const reply = await fixture.ok(
    ...walk(["dir"]),
    op.setattr({ mode: 0o754 }),
    op.lookup("new"),
    op.write({ stateid, data: "blah" }),
  );
  assertEquals(reply.get("WRITE").count, 4);
});

Deno.test("a folder's content is out of reach where its mode says so, but for root (16.13.5, 16.24.5)", async () => {
  await using fixture = await startFixture();
  await fixture.ok(...walk(["dir"]), createOp("dir", "hidden"));
  await fixture.ok(...walk(["dir"]), op.setattr({ mode: 0 }));
  const user = await fixture.peer({ credential: authSys(7, 7) });
  const list = op.readdir({ attributes: ["rdattr_error", "type"] });
  assertEquals(await user.status(...walk(["dir", "hidden"])), "ACCESS");
  assertEquals(await user.status(...walk(["dir"]), list), "ACCESS");
  assertEquals(await fixture.status(...walk(["dir", "hidden"])), "OK");
  assertNotEquals(await fixture.status(...walk(["dir"]), list), "ACCESS");
});
