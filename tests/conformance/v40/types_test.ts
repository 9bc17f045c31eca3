import { assert, assertEquals } from "@std/assert";
import { defaultLimits } from "../../../src/engine/limits.ts";
import { Access, Op, Status } from "../../../src/nfs4/constants.ts";
import { bytesOf, op, type Request, walk } from "../../support/client/mod.ts";
import { CREATE, createOp, type Kind, KINDS, startFixture } from "./fixture.ts";

/** What each type answers to an operation that is not for it (RFC 7530 13.2 and the operation's section). */
type Answers = Partial<Record<Kind, string>>;

const notFile: Answers = {
  dir: "ISDIR",
  link: "INVAL",
  block: "INVAL",
  char: "INVAL",
  socket: "INVAL",
  fifo: "INVAL",
};
const notDir: Answers = {
  file: "NOTDIR",
  link: "NOTDIR",
  block: "NOTDIR",
  char: "NOTDIR",
  socket: "NOTDIR",
  fifo: "NOTDIR",
};
const notLink: Answers = { ...notFile, dir: "INVAL", file: "INVAL" };
delete notLink.link;

const cases: [string, (kind: Kind) => Request[], Answers][] = [
  ["READ (16.23.5)", (kind) => [...walk([kind]), op.read()], notFile],
  ["WRITE (16.36.5)", (kind) => [
    ...walk([kind]),
    op.write({ data: "x" }),
  ], notFile],
  ["COMMIT (16.3.5)", (kind) => [...walk([kind]), op.commit()], notFile],
  ["SETATTR of a size (16.32.5)", (kind) => [
    ...walk([kind]),
    op.setattr({ size: 0n }),
  ], notFile],
  ["READLINK (16.25.5)", (kind) => [
    ...walk([kind]),
    op.readlink(),
  ], notLink],
  // RFC 7530 16.13.5: a symlink on the way is the client's to follow.
  ["LOOKUP (16.13.5)", (kind) => walk([kind, "x"]), {
    ...notDir,
    link: "SYMLINK",
  }],
  ["LOOKUPP (16.14.5)", (kind) => [...walk([kind]), op.lookupp()], notDir],
  ["READDIR (16.24.5)", (kind) => [...walk([kind]), op.readdir()], notDir],
  ["SECINFO (16.31.5)", (kind) => [...walk([kind]), op.secinfo("x")], notDir],
  ["CREATE (16.4.6)", (kind) => [
    ...walk([kind]),
    createOp("dir", "x"),
  ], notDir],
  ["REMOVE (16.26.5)", (kind) => [...walk([kind]), op.remove("x")], notDir],
  ["LINK into it (16.9.5)", (kind) => [
    ...walk(["file"]),
    op.savefh(),
    ...walk([kind]),
    op.link("x"),
  ], notDir],
  ["RENAME out of it (16.27.5)", (kind) => [
    ...walk([kind]),
    op.savefh(),
    op.putrootfh(),
    op.rename("file", "x"),
  ], notDir],
  ["RENAME into it (16.27.5)", (kind) => [
    op.putrootfh(),
    op.savefh(),
    ...walk([kind]),
    op.rename("file", "x"),
  ], notDir],
];

for (const [name, ops, answers] of cases) {
  Deno.test(`${name} of what it is not for`, async () => {
    await using fixture = await startFixture();
    for (const [kind, status] of Object.entries(answers)) {
      assertEquals(await fixture.status(...ops(kind as Kind)), status, kind);
    }
  });
}

Deno.test("LOCKT of what is no file (16.11.5)", async () => {
  await using fixture = await startFixture();
  const owner = fixture.lockOwner("tester");
  for (const [kind, status] of Object.entries(notFile)) {
    const answer = await fixture.status(...walk([kind]), op.lockt({ owner }));
    assertEquals(answer, status, kind);
  }
});

Deno.test("OPEN of what is no file is ISDIR, else SYMLINK whatever it is (16.16.6)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const status = { file: "OK", dir: "ISDIR" }[kind as string] ?? "SYMLINK";
    assertEquals(await fixture.openStatus(kind, { access: 1 }), status, kind);
  }
  // As with LOOKUP: a symlink on the way is the client's to follow.
  for (
    const [folder, status] of Object.entries({ ...notDir, link: "SYMLINK" })
  ) {
    const answer = await fixture.openStatus("x", { folder: [folder] });
    assertEquals(answer, status, folder);
    const made = { folder: [folder], create: CREATE };
    assertEquals(await fixture.openStatus("x", made), status, folder);
  }
});

Deno.test("LINK of every type but a folder, which is ISDIR (16.9.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const at = [...walk([kind]), op.getattr(["numlinks"])];
    const before = (await fixture.ok(...at)).get("GETATTR").attributes;
    const status = await fixture.status(
      ...walk([kind]),
      op.savefh(),
      op.putrootfh(),
      op.link(`another ${kind}`),
    );
    assertEquals(status, kind === "dir" ? "ISDIR" : "OK", kind);
    const after = (await fixture.ok(...at)).get("GETATTR").attributes;
    const more = kind === "dir" ? 0 : 1;
    assertEquals(after.numlinks, before.numlinks! + more, kind);
  }
});

Deno.test("every type is made, refused as taken, renamed and removed (16.4.5, 16.27.5, 16.26.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    if (kind === "file") continue;
    const make = [...walk(["dir"]), createOp(kind, "new")];
    assertEquals(await fixture.status(...make), "OK", kind);
    assertEquals(await fixture.status(...make), "EXIST", kind);
    const moved = await fixture.status(
      ...walk(["dir"]),
      op.savefh(),
      op.putrootfh(),
      op.rename("new", "moved"),
      op.remove("moved"),
    );
    assertEquals(moved, "OK", kind);
  }
});

Deno.test("a filehandle of every type is given back by PUTFH and RESTOREFH as it came (16.20.5, 16.29.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const first = await fixture.ok(
      ...walk([kind]),
      op.getfh(),
      op.savefh(),
      op.putrootfh(),
      op.restorefh(),
      op.getfh(),
    );
    const { filehandle } = first.get("GETFH");
    assertEquals(first.get("GETFH", 1).filehandle, filehandle, kind);
    const again = await fixture.ok(op.putfh(filehandle), op.getfh());
    assertEquals(again.get("GETFH").filehandle, filehandle, kind);
  }
});

Deno.test("ACCESS of every type: what is granted is supported, what is supported was asked and means something (16.1.5)", async () => {
  await using fixture = await startFixture();
  for (const kind of KINDS) {
    const senseless = kind === "dir"
      ? Access.EXECUTE
      : Access.LOOKUP | Access.DELETE;
    for (let mask = 0; mask < 64; mask++) {
      const reply = await fixture.ok(...walk([kind]), op.access(mask));
      const { supported, access } = reply.get("ACCESS");
      assertEquals(supported & ~mask, 0, `${kind} ${mask}`);
      assertEquals(access & ~supported, 0, `${kind} ${mask}`);
      assertEquals(supported & senseless, 0, `${kind} ${mask}`);
    }
    for (const mask of [64, 65, 66, 127, 128, 129]) {
      const status = await fixture.status(...walk([kind]), op.access(mask));
      assertEquals(status, "INVAL", `${kind} ${mask}`);
    }
  }
});

const unfiled: Request[] = [
  op.access(1),
  op.close({ seqid: 1, other: new Uint8Array(12).fill(7) }, 1),
  op.commit(),
  createOp("dir", "x"),
  op.getattr(["size"]),
  op.getfh(),
  op.link("x"),
  op.lookup("x"),
  op.lookupp(),
  op.nverify({ size: 1n }),
  op.read(),
  op.readdir(),
  op.readlink(),
  op.remove("x"),
  op.rename("x", "y"),
  op.savefh(),
  op.secinfo("x"),
  op.setattr({ size: 0n }),
  op.verify({ size: 1n }),
  op.write({ data: "x" }),
];

Deno.test("without a current filehandle they are NOFILEHANDLE (13.1.2.5)", async () => {
  await using fixture = await startFixture();
  const { clientid } = fixture.client;
  const stateid = { seqid: 1, other: new Uint8Array(12).fill(7) };
  const owner = { clientid, owner: bytesOf("o") };
  const stateful: Request[] = [
    op.open({ owner, claim: { claim: "null", name: "file" } }),
    op.openConfirm(stateid, 1),
    op.openDowngrade({ stateid, access: 1 }),
    op.lock({ locker: { openStateid: stateid, owner } }),
    op.lockt({ owner }),
    op.locku({ stateid }),
    op.delegreturn(stateid),
  ];
  for (const request of [...unfiled, ...stateful]) {
    assertEquals(await fixture.status(request), "NOFILEHANDLE", request.name);
  }
  // Without a saved one only what takes it: RFC 7530 16.9.4, 16.27.4, 16.29.4.
  const root = op.putrootfh();
  assertEquals(await fixture.status(root, op.link("x")), "NOFILEHANDLE");
  assertEquals(await fixture.status(root, op.rename("x", "y")), "NOFILEHANDLE");
  assertEquals(await fixture.status(op.restorefh()), "RESTOREFH");
  assertEquals(await fixture.status(root, op.restorefh()), "RESTOREFH");
});

Deno.test("PUTPUBFH is PUTROOTFH, whose parent there is not (16.21.5, 16.14.5)", async () => {
  await using fixture = await startFixture();
  const reply = await fixture.ok(
    op.putpubfh(),
    op.getfh(),
    op.putrootfh(),
    op.getfh(),
  );
  const [one, other] = [reply.get("GETFH"), reply.get("GETFH", 1)];
  assertEquals(one, other);
  assertEquals(await fixture.status(op.putrootfh(), op.lookupp()), "NOENT");
  const up = await fixture.ok(...walk(["dir"]), op.lookupp(), op.getfh());
  assertEquals(up.get("GETFH"), one);
  assert((await fixture.status(op.putfh(bytesOf("abc")))) === "BADHANDLE");
});

Deno.test("a COMPOUND of nothing is OK, its tag echoed (RFC 7530 14.2.3)", async () => {
  await using fixture = await startFixture();
  const { client } = fixture;
  for (const tag of ["", "a tag", "ä".repeat(100)]) {
    const reply = await client.compound([], { tag });
    assertEquals(reply.results, []);
  }
});

Deno.test("a tag that is no UTF-8 is INVAL, and echoed (RFC 7530 14.2.3, 12.1)", async () => {
  await using fixture = await startFixture();
  for (
    const bytes of [[0xc0, 0xaf], [0xff], [0xe0, 0x20], [0xed, 0xa0, 0x80]]
  ) {
    const tag = Uint8Array.from(bytes);
    await fixture.client.expectStatus(Status.INVAL, [op.putrootfh()], { tag });
  }
});

Deno.test("operations that never were are OP_ILLEGAL, those before them carried out (RFC 7530 14.2.3, 16.38)", async () => {
  await using fixture = await startFixture();
  // 40 and above came with NFSv4.1.
  for (const number of [0, 1, 2, 40, 53, 58, 59, 72, 200, 10043, Op.ILLEGAL]) {
    const reply = await fixture.client.expectStatus(Status.OP_ILLEGAL, [
      op.putrootfh(),
      op.raw(number),
    ]);
    assertEquals(reply.results.map(({ name }) => name), [
      "PUTROOTFH",
      "ILLEGAL",
    ]);
  }
});

Deno.test("a COMPOUND may be long; one too long is RESOURCE, with nothing done (RFC 7530 13.1.10.3)", async () => {
  await using fixture = await startFixture();
  const three = [op.putrootfh(), op.getfh(), op.getattr(["size"])];
  const many = (n: number) => Array.from({ length: n }, () => three).flat();
  await fixture.ok(...many(Math.floor(defaultLimits.maxOperations / 3)));
  for (const n of [100, 1000, 5000]) {
    const reply = await fixture.client.expectStatus(Status.RESOURCE, many(n));
    assertEquals(reply.results, []);
  }
  // The connection is as good as before.
  await fixture.ok(op.putrootfh());
});

Deno.test("many GETATTRs in one COMPOUND are answered or refused, never cut (RFC 7530 14.2.3)", async () => {
  await using fixture = await startFixture();
  const getattr = op.getattr(["supported_attrs", "type", "change", "fsid"]);
  for (const n of [50, 60, 90]) {
    const all = [
      ...walk(["file"]),
      ...Array.from({ length: n }, () => getattr),
    ];
    const reply = await fixture.client.compound(all, {
      expect: [Status.OK, Status.RESOURCE],
    });
    assert(reply.status === Status.RESOURCE || reply.results.length === n + 2);
  }
});

Deno.test("a filehandle of another server or none at all is BADHANDLE, an empty one too (RFC 7530 13.1.2.1)", async () => {
  await using fixture = await startFixture();
  const put = (bytes: Uint8Array) => fixture.status(op.putfh(bytes));
  assertEquals(await put(bytesOf("abc")), "BADHANDLE");
  assertEquals(await put(new Uint8Array(0)), "BADHANDLE");
  assertEquals(await put(new Uint8Array(32)), "BADHANDLE");
  assertEquals(await put(new Uint8Array(128).fill(1)), "BADHANDLE");
  // RFC 7530 2.1: NFS4_FHSIZE.
  assertEquals(await put(new Uint8Array(129)), "BADXDR");
});

Deno.test("a filehandle of a removed file is STALE (RFC 7530 13.1.2.8)", async () => {
  await using fixture = await startFixture();
  const { filehandle } = (await fixture.ok(...walk(["fifo"]), op.getfh()))
    .get("GETFH");
  await fixture.ok(op.putrootfh(), op.remove("fifo"));
  assertEquals(await fixture.status(op.putfh(filehandle)), "STALE");
});
