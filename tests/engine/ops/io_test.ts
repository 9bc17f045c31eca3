import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import {
  anonymousStateid,
  bypassStateid,
  op,
  walk,
} from "../../support/client/mod.ts";
import { LEASE } from "../../state/fixture.ts";
import { AT_FILE, StateFixture, statuses, uses } from "../state_fixture.ts";
import { slow } from "./fixture.ts";

const READ = 1;
const WRITE = 2;

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`I/O 4.${minor}: ${name}`, body);

  test("I/O needs the access of the open (RFC 8881 8.2.5, RFC 7530 9.1.6)", async () => {
    const client = await new StateFixture().client(minor);
    const reader = await client.open("file", {
      access: READ,
      seqid: 1,
      owner: "r",
    });
    const writer = await client.open("file", {
      access: WRITE,
      seqid: 1,
      owner: "w",
    });
    const refused = "OPENMODE";
    const r = await statuses(client, uses(reader));
    assertEquals(r, ["OK", refused, refused]);
    // Read around what is written: where nobody denies it.
    assertEquals(await statuses(client, uses(writer)), ["OK", "OK", "OK"]);
    const deny = { access: WRITE, deny: READ, seqid: 1, owner: "d" };
    const other = { access: WRITE, seqid: 1, owner: "o" };
    const fresh = await new StateFixture().client(minor);
    const open = await fresh.open("file", other);
    await fresh.open("file", deny);
    assertEquals(await statuses(fresh, uses(open)), [refused, "OK", "OK"]);
  });

  test("READ under an open for writing wants the right to read (RFC 8881 9.1.2, RFC 7530 9.1.6)", async () => {
    const fixture = new StateFixture();
    const root = await fixture.client(minor);
    const mode = { mode: 0o722, owner: "5" };
    await root.ok("SETATTR", ...walk(["file"]), op.setattr(mode));
    const client = await fixture.client(minor, { uid: 1000 });
    const stateid = await client.open("file", { access: WRITE, seqid: 1 });
    const io = await statuses(client, uses(stateid));
    assertEquals(io, ["ACCESS", "OK", "OK"]);
  });

  test("writes that may be lost change the verifier, of those under way too (RFC 8881 18.32.3)", async () => {
    let lostWrites: number | undefined;
    const tree = memory({ file: "content" });
    const fs = new Proxy(tree, {
      get(target, name) {
        if (name === "lostWrites") return lostWrites;
        const value = Reflect.get(target, name);
        if (name !== "write") {
          return typeof value === "function" ? value.bind(target) : value;
        }
        // The disk fails while it writes.
        return async (...args: Parameters<typeof tree.write>) => {
          const stability = await tree.write(...args);
          if (args[1] === 1) lostWrites = (lostWrites ?? 0) + 1;
          return stability;
        };
      },
    });
    const client = await new StateFixture({ fs }).client(minor);
    const stateid = await client.open("file", { access: WRITE, seqid: 1 });
    const write = async (offset: bigint) => {
      const args = { stateid, data: "x", offset, stable: 0 };
      const { verifier } = await client.ok("WRITE", ...AT_FILE, op.write(args));
      return `${verifier}`;
    };
    const commit = async () => {
      const { verifier } = await client.ok("COMMIT", ...AT_FILE, op.commit());
      return `${verifier}`;
    };
    const first = await write(0n);
    assertEquals(await commit(), first);
    // What was written by the one that is under way may be lost as well.
    assertEquals(await write(1n), first);
    const second = await commit();
    assertNotEquals(second, first);
    assertEquals(await write(0n), second);
    assertEquals(await write(1n), second);
    const third = await commit();
    assert(third !== first && third !== second);
  });

  test("special ones against deny modes (RFC 8881 8.2.3)", async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    const other = await fixture.client(minor);
    const all = async () => [
      ...await statuses(other, uses(anonymousStateid)),
      ...await statuses(other, uses(bypassStateid)),
    ];
    assertEquals(await all(), Array(6).fill("OK"));
    await client.open("file", {
      access: READ,
      deny: READ,
      seqid: 1,
      owner: "a",
    });
    const locked = "LOCKED";
    assertEquals(await all(), [locked, "OK", "OK", "OK", "OK", "OK"]);
    const writer = { access: WRITE, deny: WRITE, seqid: 1, owner: "b" };
    await client.open("file", writer);
    assertEquals(await all(), [locked, locked, locked, "OK", locked, locked]);
    // Of a client that is away they are in nobody's way (RFC 8881 8.4.3).
    fixture.clock.advance(LEASE + 1);
    assertEquals(await all(), Array(6).fill("OK"));
  });

  test("special ones wait for the end of the grace period (RFC 8881 8.4.2.1)", async () => {
    const fixture = new StateFixture({ graceMs: 1000 });
    const client = await fixture.client(minor);
    const anonymous = await statuses(client, uses(anonymousStateid));
    assertEquals(anonymous, Array(3).fill("GRACE"));
    const bypass = await statuses(client, uses(bypassStateid));
    assertEquals(bypass, ["OK", "GRACE", "GRACE"]);
  });

  test("READ and WRITE at the edges (RFC 8881 18.22.3, 18.32.3)", async () => {
    const fixture = new StateFixture({ limits: { maxRead: 3, maxWrite: 2 } });
    const client = await fixture.client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const read = async (offset: bigint, count: number) => {
      const { data, eof } = await client.ok(
        "READ",
        ...AT_FILE,
        op.read({ stateid, offset, count }),
      );
      return `${new TextDecoder().decode(data)} ${eof}`;
    };
    assertEquals(await read(0n, 9), "con false");
    assertEquals(await read(4n, 3), "ent true");
    assertEquals(await read(7n, 1), " true");
    assertEquals(await read(2n ** 64n - 1n, 1), " true");
    assertEquals(await read(2n ** 60n, 1), " true");
    assertEquals(await read(0n, 0), " false");
    const change = async () =>
      (await client.ok("GETATTR", ...AT_FILE, op.getattr(["change"])))
        .attributes.change;
    const before = await change();
    const write = (data: string, offset = 0n) =>
      op.write({ stateid, data, offset, stable: 2 });
    const none = await client.ok("WRITE", ...AT_FILE, write(""));
    assertEquals(none.count, 0);
    assertEquals(await change(), before);
    const cut = await client.ok("WRITE", ...AT_FILE, write("XYZ"));
    assertEquals(cut.count, 2);
    assertEquals(await read(0n, 3), "XYn false");
    for (const offset of [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n]) {
      const status = await client.status(...AT_FILE, write("x", offset));
      assertEquals(status, "FBIG");
    }
    // RFC 8881 15.1.1.4: a range that no file can have.
    const beyond = op.commit(2n ** 64n - 1n, 9);
    assertEquals(await client.status(...AT_FILE, beyond), "INVAL");
    const commit = op.commit(2n ** 64n - 1n, 0);
    const committed = await client.ok("COMMIT", ...AT_FILE, commit);
    assertEquals(committed.verifier, cut.verifier);
  });

  test("READ, WRITE and COMMIT of what has no content (RFC 8881 18.22.3, RFC 7530 16.23.4)", async () => {
    const client = await new StateFixture({ tree: { dir: {} } }).client(minor);
    const link = op.create({ type: 5, name: "link", link: "x" });
    const fifo = op.create({ type: 7, name: "fifo" });
    await client.call(op.putrootfh(), link, op.putrootfh(), fifo);
    const requests = [op.read({}), op.write({ data: "x" }), op.commit()];
    for (const request of requests) {
      const status = (name: string) => client.status(...walk([name]), request);
      assertEquals(await status("dir"), "ISDIR");
      assertEquals(await status("link"), minor === 0 ? "INVAL" : "SYMLINK");
      assertEquals(await status("fifo"), minor === 0 ? "INVAL" : "WRONG_TYPE");
    }
  });

  test("I/O of a user whom OPEN did not check is checked (RFC 8881 18.16.4)", async () => {
    const client = await new StateFixture().client(minor);
    await client.call(...AT_FILE, op.setattr({ mode: 0o604, owner: "7" }));
    client.uid = 7;
    const stateid = await client.open("file", { seqid: 1 });
    await client.call(...AT_FILE, op.setattr({ mode: 0o004 }));
    const io = uses(stateid).slice(0, 2);
    assertEquals(await statuses(client, io), ["OK", "OK"]);
    client.uid = 8;
    assertEquals(await statuses(client, io), ["OK", "ACCESS"]);
  });

  test("a slow file system answers READ and WRITE the same", async () => {
    const fs = slow(memory({ file: "content" }));
    const client = await new StateFixture({ fs }).client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const reply = await client.call(
      ...AT_FILE,
      op.write({ stateid, data: "CON" }),
      op.read({ stateid }),
      op.getattr(["size"]),
    );
    assertEquals(new TextDecoder().decode(reply.get("READ").data), "CONtent");
  });
}
