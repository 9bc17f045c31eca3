import { assertEquals, assertNotEquals } from "@std/assert";
import {
  anonymousStateid,
  op,
  type OpenedFile,
  type Request,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { CREATE, type Fixture, startFixture } from "./fixture.ts";

/** Of this start of the server, and of nobody. */
function unknown({ seqid, other }: Stateid, from = 4): Stateid {
  const bytes = other.slice();
  bytes.fill(7, from);
  return { seqid, other: bytes };
}

/** Of a start of the server long ago. */
function stale({ seqid }: Stateid): Stateid {
  const other = new Uint8Array(12);
  other[3] = 1;
  return { seqid, other };
}

interface Held {
  readonly file: OpenedFile;
  readonly lock: Stateid;
}

/** A locked file; next seqids: the open owner's as it says, the lock owner's 1. */
async function held(fixture: Fixture): Promise<Held> {
  const file = await fixture.open("new");
  return { file, lock: await fixture.lock(file) };
}

/** What names a state: how, and which one it is about. */
const users: [
  string,
  "open" | "lock",
  (
    stateid: Stateid,
    fixture: Fixture,
  ) => Request,
][] = [
  ["READ", "open", (stateid) => op.read({ stateid })],
  ["WRITE", "open", (stateid) => op.write({ stateid, data: "x" })],
  ["SETATTR", "open", (stateid) => op.setattr({ size: 1n }, stateid)],
  [
    "CLOSE",
    "open",
    (stateid, { client }) => op.close(stateid, client.owner().seqid),
  ],
  [
    "OPEN_DOWNGRADE",
    "open",
    (stateid, { client }) =>
      op.openDowngrade({ stateid, seqid: client.owner().seqid, access: 1 }),
  ],
  [
    "OPEN_CONFIRM",
    "open",
    (stateid, { client }) => op.openConfirm(stateid, client.owner().seqid),
  ],
  ["LOCK of a new owner", "open", (openStateid, fixture) =>
    op.lock({
      locker: {
        openStateid,
        openSeqid: fixture.client.owner().seqid,
        owner: fixture.lockOwner("new"),
      },
    })],
  [
    "LOCK",
    "lock",
    (lockStateid) => op.lock({ locker: { lockStateid, lockSeqid: 1 } }),
  ],
  ["LOCKU", "lock", (stateid) => op.locku({ stateid, seqid: 1 })],
];

for (const [name, kind, request] of users) {
  Deno.test(`${name}: bad, old and stale stateids are told apart (RFC 7530 9.1.4)`, async () => {
    await using fixture = await startFixture();
    const { file, lock } = await held(fixture);
    const good = kind === "open" ? file.stateid : lock;
    const at = op.putfh(file.filehandle);
    const status = (stateid: Stateid) =>
      fixture.status(at, request(stateid, fixture));
    assertEquals(await status(stale(good)), "STALE_STATEID");
    assertEquals(await status(unknown(good)), "BAD_STATEID");
    assertEquals(await status(unknown(good, 8)), "BAD_STATEID");
    const ahead = { ...good, seqid: good.seqid + 1 };
    assertEquals(await status(ahead), "BAD_STATEID");
    if (!["READ", "WRITE", "SETATTR"].includes(name)) {
      assertEquals(await status(anonymousStateid), "BAD_STATEID");
    }
  });
}

Deno.test("a stateid from before its OPEN_CONFIRM is OLD (RFC 7530 9.1.4.4)", async () => {
  for (const [name, kind, request] of users) {
    if (kind === "lock" || name === "OPEN_CONFIRM") continue;
    await using fixture = await startFixture();
    const { file } = await held(fixture);
    const { seqid, other } = file.stateid;
    const old = request({ seqid: seqid - 1, other }, fixture);
    const status = await fixture.status(op.putfh(file.filehandle), old);
    assertEquals(status, "OLD_STATEID", name);
  }
});

Deno.test("a lock stateid from before the last LOCK or LOCKU is OLD (RFC 7530 9.1.4.4)", async () => {
  await using fixture = await startFixture();
  const { file, lock } = await held(fixture);
  const at = op.putfh(file.filehandle);
  const more = await fixture.ok(
    at,
    op.lock({ length: 10n, locker: { lockStateid: lock, lockSeqid: 1 } }),
  );
  const next = more.get("LOCK").stateid;
  assertEquals(next, { seqid: lock.seqid + 1, other: lock.other });
  const again = op.lock({ locker: { lockStateid: lock, lockSeqid: 2 } });
  assertEquals(await fixture.status(at, again), "OLD_STATEID");
  // RFC 7530 9.1.7: that used up the owner's seqid.
  const unlock = op.locku({ stateid: next, seqid: 3 });
  assertEquals(await fixture.status(at, unlock), "OK");
  const late = op.locku({ stateid: next, seqid: 4 });
  assertEquals(await fixture.status(at, late), "OLD_STATEID");
});

Deno.test("a stateid of another file is BAD (RFC 7530 9.1.4.4)", async () => {
  await using fixture = await startFixture();
  const { stateid } = await fixture.open("new");
  const at = walk(["file"]);
  assertEquals(
    await fixture.status(...at, op.read({ stateid })),
    "BAD_STATEID",
  );
});

Deno.test("OPEN_CONFIRM of what is confirmed is BAD_STATEID (RFC 7530 16.18.5)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const again = op.openConfirm(stateid, fixture.client.owner().seqid);
  const status = await fixture.status(op.putfh(filehandle), again);
  assertEquals(status, "BAD_STATEID");
});

Deno.test("CLOSE releases the locks under it (RFC 7530 16.2.5)", async () => {
  await using fixture = await startFixture();
  const { file } = await held(fixture);
  const test = [
    op.putfh(file.filehandle),
    op.lockt({ owner: fixture.lockOwner("tester") }),
  ];
  assertEquals(await fixture.status(...test), "DENIED");
  assertEquals(await fixture.close(file), "OK");
  assertEquals(await fixture.status(...test), "OK");
});

Deno.test("a client that restarts loses its state when it confirms: EXPIRED from then on (RFC 7530 16.34.5, 9.1.4.4)", async () => {
  await using fixture = await startFixture();
  const { file, lock } = await held(fixture);
  const { client } = fixture;
  const before = client.clientid;
  const seqid = client.owner().seqid;
  await client.register({ verifier: new Uint8Array(8) });
  assertNotEquals(client.clientid, before);
  const at = op.putfh(file.filehandle);
  const close = op.close(file.stateid, seqid);
  assertEquals(await fixture.status(at, close), "EXPIRED");
  const read = op.read({ stateid: file.stateid });
  assertEquals(await fixture.status(at, read), "EXPIRED");
  const unlock = op.locku({ stateid: lock, seqid: 1 });
  assertEquals(await fixture.status(at, unlock), "EXPIRED");
});

Deno.test("a client that registers again without having restarted keeps its state (RFC 7530 16.33.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new", { create: CREATE });
  await fixture.client.register();
  assertEquals(await fixture.close(file), "OK");
});
