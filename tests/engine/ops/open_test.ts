import { assertEquals, assertNotEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../../src/vfs/file_system.ts";
import {
  bytesOf,
  CreateMode,
  FileType,
  op,
  walk,
} from "../../support/client/mod.ts";
import { StateFixture } from "../state_fixture.ts";
import { slow } from "./fixture.ts";

const VERSIONS = [0, 1, 2] as const;
const READ = 1;
const WRITE = 2;
const BOTH = 3;

for (const minor of VERSIONS) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`OPEN 4.${minor}: ${name}`, body);

  test("opens, reads, writes and closes (RFC 8881 18.16, RFC 7530 16.16)", async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const write = op.write({ stateid, data: "CON" });
    await client.ok("WRITE", ...walk(["file"]), write);
    const read = await client.ok(
      "READ",
      ...walk(["file"]),
      op.read({ stateid }),
    );
    assertEquals(new TextDecoder().decode(read.data), "CONtent");
    assertEquals(read.eof, true);
    await client.ok("CLOSE", ...walk(["file"]), op.close(stateid, 3));
    assertEquals(fixture.counts, { stateids: minor === 0 ? 1 : 0, files: 0 });
  });

  test("every pairing of share modes (RFC 8881 9.7, RFC 7530 9.9)", async () => {
    for (const a of [1, 2, 3]) {
      for (const denyA of [0, 1, 2, 3]) {
        for (const b of [1, 2, 3]) {
          for (const denyB of [0, 1, 2, 3]) {
            const fixture = new StateFixture();
            const one = await fixture.client(minor);
            const two = await fixture.client(minor);
            await one.open("file", { access: a, deny: denyA, seqid: 1 });
            const options = { access: b, deny: denyB, seqid: 1 };
            const conflicts = (a & denyB) !== 0 || (b & denyA) !== 0;
            const expected = conflicts ? "SHARE_DENIED" : "OK";
            const status = await two.openStatus("file", options);
            assertEquals(status, expected, `${a} ${denyA} ${b} ${denyB}`);
          }
        }
      }
    }
  });

  test("who may not write keeps nobody from reading", async () => {
    for (const mode of [0o644, 0o646]) {
      for (const deny of [1, 2, 3]) {
        const fixture = new StateFixture();
        const root = await fixture.client(minor);
        const set = op.setattr({ mode });
        await root.ok("SETATTR", ...walk(["file"]), set);
        const user = await fixture.client(minor, { uid: 1001 });
        // Who reads a file as a whole may keep it from being changed meanwhile.
        const may = mode === 0o646 || deny === 2;
        const options = { access: READ, deny, seqid: 1 };
        const status = await user.openStatus("file", options);
        assertEquals(status, may ? "OK" : "ACCESS");
        const denied = may && deny !== 2;
        assertEquals(
          await root.openStatus("file", { access: READ, seqid: 1 }),
          denied ? "SHARE_DENIED" : "OK",
        );
      }
    }
  });

  test("an owner's own deny mode counts too (RFC 7530 9.9, RFC 8881 18.16.3)", async () => {
    const client = await new StateFixture().client(minor);
    await client.open("file", { access: READ, deny: 2, seqid: 1 });
    const again = { access: WRITE, seqid: 3 };
    assertEquals(await client.openStatus("file", again), "SHARE_DENIED");
  });

  test("a second OPEN of an owner upgrades the first (RFC 8881 18.16.3)", async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    const first = await client.open("file", { access: READ, seqid: 1 });
    const second = await client.open("file", { access: WRITE, seqid: 3 });
    assertEquals(second.other, first.other);
    assertEquals(second.seqid, first.seqid + 1);
    const write = op.write({ stateid: second, data: "x" });
    await client.ok("WRITE", ...walk(["file"]), write);
    assertEquals(fixture.counts.stateids, 1);
  });

  test("share values that there are none of (RFC 8881 18.16.4)", async () => {
    const client = await new StateFixture().client(minor);
    const status = (access: number, deny: number) =>
      client.openStatus("file", {
        access,
        deny,
        seqid: 1,
        owner: `${access}${deny}`,
      });
    assertEquals(await status(0, 0), "INVAL");
    assertEquals(await status(4, 0), "INVAL");
    assertEquals(await status(1, 4), "INVAL");
    assertEquals(await status(1 | 0x600, 0), "INVAL");
    if (minor === 0) assertEquals(await status(1 | 0x400, 0), "INVAL");
  });

  test("what is not a regular file (RFC 8881 18.16.4, RFC 7530 16.16.6)", async () => {
    const client = await new StateFixture({ tree: { dir: {}, file: "" } })
      .client(minor);
    await client.call(
      op.putrootfh(),
      op.create({ type: FileType.LNK, name: "link", link: "file" }),
      op.putrootfh(),
      op.create({ type: FileType.FIFO, name: "fifo" }),
    );
    const status = (name: string) =>
      client.openStatus(name, { access: READ, seqid: 1, owner: name });
    assertEquals(await status("dir"), "ISDIR");
    assertEquals(await status("link"), "SYMLINK");
    assertEquals(await status("fifo"), minor === 0 ? "SYMLINK" : "WRONG_TYPE");
    assertEquals(await status("none"), "NOENT");
    assertEquals(await status(""), "INVAL");
    const inFile = [...walk(["file"]), client.openOp("x", { owner: "f" })];
    assertEquals(await client.status(...inFile), "NOTDIR");
  });

  test("permissions are the file's, but its maker may write it (RFC 8881 18.16.4)", async () => {
    const client = await new StateFixture().client(minor);
    await client.call(
      ...walk([]),
      op.setattr({ mode: 0o777 }),
      ...walk(["file"]),
      op.setattr({
        mode: 0o640,
        owner: "7",
        owner_group: "7",
      }),
    );
    client.uid = 5;
    const refused = { access: READ, seqid: 1, owner: "a" };
    assertEquals(await client.openStatus("file", refused), "ACCESS");
    client.uid = 7;
    await client.open("file", { seqid: 1, owner: "b" });
    client.uid = 5;
    const attributes = { mode: 0o400 };
    const create = { mode: CreateMode.GUARDED, attributes };
    const own = { create, seqid: 1, owner: "c" };
    const stateid = await client.open("own", own);
    const write = op.write({ stateid, data: "mine" });
    await client.ok("WRITE", ...walk(["own"]), write);
  });

  test("UNCHECKED4 finds, cuts and makes (RFC 8881 18.16.3)", async () => {
    const client = await new StateFixture().client(minor);
    const create = (attributes: object) => ({
      mode: CreateMode.UNCHECKED,
      attributes,
    });
    const opened = async (
      name: string,
      attributes: object,
      owner: string,
    ) => (await client.ok(
      "OPEN",
      op.putrootfh(),
      client.openOp(name, { create: create(attributes), owner, seqid: 1 }),
    ));
    const found = await opened("file", { mode: 0o600 }, "a");
    assertEquals(found.attrset, []);
    assertEquals(found.change.before, found.change.after);
    const cut = await opened("file", { size: 0n, mode: 0o600 }, "b");
    assertEquals(cut.attrset, [4]);
    const made = await opened("new", { size: 9n, mode: 0o600 }, "c");
    assertEquals(made.attrset, [4, 33]);
    assertNotEquals(made.change.before, made.change.after);
    const sizes = [];
    for (const name of ["file", "new"]) {
      const got = await client.ok(
        "GETATTR",
        ...walk([name]),
        op.getattr(["size"]),
      );
      sizes.push(got.attributes.size);
    }
    assertEquals(sizes, [0n, 9n]);
  });

  test("a truncating OPEN respects deny modes", async () => {
    const fixture = new StateFixture();
    const one = await fixture.client(minor);
    const two = await fixture.client(minor);
    await one.open("file", { access: READ, deny: WRITE, seqid: 1 });
    const create = { mode: CreateMode.UNCHECKED, attributes: { size: 0n } };
    const cut = { access: READ, create, seqid: 1 };
    assertEquals(await two.openStatus("file", cut), "SHARE_DENIED");
  });

  test("GUARDED4 makes or says EXIST (RFC 8881 18.16.3)", async () => {
    const client = await new StateFixture().client(minor);
    const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };
    await client.open("new", { create, seqid: 1, owner: "a" });
    const again = { create, seqid: 1, owner: "b" };
    assertEquals(await client.openStatus("new", again), "EXIST");
  });

  test("EXCLUSIVE4 is known again by its verifier (RFC 8881 18.16.3)", async () => {
    const client = await new StateFixture().client(minor);
    const create = (text: string) => ({
      mode: CreateMode.EXCLUSIVE,
      verifier: bytesOf(text),
    });
    const options = (text: string, owner: string) => ({
      create: create(text),
      seqid: 1,
      owner,
    });
    await client.open("new", options("verifier", "a"));
    await client.open("new", options("verifier", "b"));
    assertEquals(
      await client.openStatus("new", options("another!", "c")),
      "EXIST",
    );
    assertEquals(
      await client.openStatus("file", options("verifier", "d")),
      "EXIST",
    );
  });

  test("a verifier opens the file for who made it, and for no other user (RFC 8881 18.16.4)", async () => {
    const fixture = new StateFixture({ fs: memory({}, { mode: 0o1777 }) });
    const owner = await fixture.client(minor, { uid: 1000 });
    const other = await fixture.client(minor, { uid: 1001 });
    const root = await fixture.client(minor);
    const create = {
      mode: CreateMode.EXCLUSIVE,
      verifier: bytesOf("verifier"),
    };
    const options = (name: string) => ({
      ...{ create, seqid: 1, owner: name, access: BOTH },
    });
    await owner.open("secret", options("a"));
    assertEquals(await other.openStatus("secret", options("b")), "EXIST");
    // Whatever its mode is by now.
    const mode = op.setattr({ mode: 0 });
    await owner.ok("SETATTR", ...walk(["secret"]), mode);
    await owner.open("secret", options("c"));
    await root.open("secret", options("d"));
    await owner.ok(
      "SETATTR",
      ...walk(["secret"]),
      op.setattr({ mode: 0o604 }),
    );
    assertEquals(await other.openStatus("secret", options("e")), "EXIST");
  });

  test("attributes that can't be set (RFC 8881 15.2)", async () => {
    const client = await new StateFixture().client(minor);
    const status = (attributes: object, owner: string) =>
      client.openStatus("new", {
        create: { mode: CreateMode.GUARDED, attributes },
        seqid: 1,
        owner,
      });
    assertEquals(await status({ fileid: 4n }, "a"), "INVAL");
    assertEquals(await status({ mode: 0o10000 }, "b"), "INVAL");
    assertEquals(await status({ owner: "somebody" }, "c"), "BADOWNER");
  });

  test("a read-only export (RFC 8881 18.16.3, 18.32)", async () => {
    const client = await new StateFixture({ readOnly: true }).client(minor);
    const create = { mode: CreateMode.GUARDED };
    const status = (options: object) =>
      client.openStatus("file", { seqid: 1, ...options });
    assertEquals(await status({ access: WRITE, owner: "a" }), "ROFS");
    await client.open("file", { access: READ, seqid: 1, owner: "b" });
    const made = { access: READ, create, seqid: 1, owner: "c" };
    assertEquals(await client.openStatus("new", made), "ROFS");
    const write = op.write({ data: "x" });
    assertEquals(await client.status(...walk(["file"]), write), "ROFS");
  });

  test("no more opens than the limit", async () => {
    const fixture = new StateFixture({ limits: { maxOpensPerClient: 2 } });
    const client = await fixture.client(minor);
    const one = await client.open("file", { seqid: 1, owner: "a" });
    await client.open("file", { seqid: 1, owner: "b" });
    const third = { seqid: 1, owner: "c" };
    const full = minor === 0 ? "RESOURCE" : "DELAY";
    assertEquals(await client.openStatus("file", third), full);
    await client.ok("CLOSE", ...walk(["file"]), op.close(one, 3));
    await client.open("file", third);
  });

  test("a slow file system changes nothing, and close follows open mode by mode", async () => {
    const held: string[] = [];
    const fs = memory({ file: "content" });
    const counting: FileSystem = new Proxy(fs as FileSystem, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const mode = JSON.stringify(args[1]);
          if (name === "open") held.push(mode);
          if (name === "close") held.splice(held.indexOf(mode), 1);
          return value.apply(target, args);
        };
      },
    });
    const fixture = new StateFixture({ fs: slow(counting) });
    const client = await fixture.client(minor);
    await client.open("file", { access: READ, seqid: 1 });
    const stateid = await client.open("file", { access: BOTH, seqid: 3 });
    assertEquals(held.length, 2);
    const read = await client.ok(
      "READ",
      ...walk(["file"]),
      op.read({ stateid }),
    );
    assertEquals(read.data.length, 7);
    const deny = { access: READ, deny: WRITE, seqid: 1, owner: "b" };
    assertEquals(await client.openStatus("file", deny), "SHARE_DENIED");
    assertEquals(held.length, 2);
    await client.ok("CLOSE", ...walk(["file"]), op.close(stateid, 4));
    await Promise.resolve();
    assertEquals(held, []);
  });

  test("two that open at once against each other: one is refused", async () => {
    const fixture = new StateFixture({ fs: slow(memory({ file: "" })) });
    const one = await fixture.client(minor);
    const two = await fixture.client(minor);
    const options = { access: WRITE, deny: WRITE, seqid: 1 };
    const statuses = await Promise.all([
      one.openStatus("file", options),
      two.openStatus("file", options),
    ]);
    assertEquals(statuses.sort(), ["OK", "SHARE_DENIED"]);
  });

  test("two that create at once by UNCHECKED4: both open the one file", async () => {
    const fixture = new StateFixture({ fs: slow(memory()) });
    const one = await fixture.client(minor);
    const two = await fixture.client(minor);
    const create = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o666 } };
    const statuses = await Promise.all([
      one.openStatus("new", { create, seqid: 1 }),
      two.openStatus("new", { create, seqid: 1 }),
    ]);
    assertEquals(statuses, ["OK", "OK"]);
    assertEquals(fixture.counts.files, 1);
  });
}

Deno.test("OPEN 4.1: EXCLUSIVE4_1 sets its attributes (RFC 8881 18.16.3)", async () => {
  const client = await new StateFixture().client(1);
  const create = {
    mode: CreateMode.EXCLUSIVE4_1,
    verifier: bytesOf("verifier"),
    attributes: { mode: 0o611 },
  };
  const open = client.openOp("new", { create });
  const reply = await client.call(op.putrootfh(), open, op.getattr(["mode"]));
  assertEquals(reply.get("OPEN").attrset, [33]);
  assertEquals(reply.get("GETATTR").attributes.mode, 0o611);
  const masked = { mode_set_masked: { value: 1, mask: 1 } };
  const bad = { create: { ...create, attributes: masked } };
  assertEquals(await client.openStatus("bad", bad), "INVAL");
});

Deno.test("OPEN 4.2: the umask that comes with a mode limits it (RFC 8275 5)", async () => {
  const client = await new StateFixture().client(2);
  const attributes = { mode_umask: { mode: 0o4666, umask: 0o027 } };
  const modes = [
    CreateMode.UNCHECKED,
    CreateMode.GUARDED,
    CreateMode.EXCLUSIVE4_1,
  ];
  for (const [i, mode] of modes.entries()) {
    const create = { mode, verifier: bytesOf("verifier"), attributes };
    const open = client.openOp(`new ${i}`, { create });
    const reply = await client.call(op.putrootfh(), open, op.getattr(["mode"]));
    assertEquals(reply.get("OPEN").attrset, [81]);
    assertEquals(reply.get("GETATTR").attributes.mode, 0o4640);
  }
  const set = op.setattr(attributes);
  assertEquals(await client.status(...walk(["file"]), set), "INVAL");
  const got = op.getattr(["mode_umask"]);
  assertEquals(await client.status(...walk(["file"]), got), "INVAL");
});

Deno.test("OPEN 4.0 does not know what NFSv4.1 added (RFC 7530 16.16.2)", async () => {
  const client = await new StateFixture().client(0);
  const create = {
    mode: CreateMode.EXCLUSIVE4_1,
    verifier: bytesOf("verifier"),
  };
  assertEquals(await client.openStatus("new", { create }), "BADXDR");
  const fh = client.openOp("", { claim: { claim: "fh" } });
  assertEquals(await client.status(...walk(["file"]), fh), "BADXDR");
});

Deno.test("OPEN 4.1: CLAIM_FH opens the current filehandle, and creates nothing (RFC 8881 18.16.3)", async () => {
  const client = await new StateFixture().client(1);
  const claim = { claim: "fh" } as const;
  await client.ok("OPEN", ...walk(["file"]), client.openOp("", { claim }));
  const create = { mode: CreateMode.GUARDED };
  const made = client.openOp("", { claim, create });
  assertEquals(await client.status(...walk(["file"]), made), "INVAL");
  const folder = client.openOp("", { claim, access: READ });
  assertEquals(await client.status(...walk([]), folder), "ISDIR");
});

Deno.test("OPEN: CLAIM_DELEGATE_PREV is not supported (RFC 7530 16.16.5, RFC 8881 18.5.3)", async () => {
  for (const minor of VERSIONS) {
    const client = await new StateFixture().client(minor);
    const claim = { claim: "delegate_prev", name: "file" } as const;
    assertEquals(await client.openStatus("", { claim }), "NOTSUPP");
  }
});

Deno.test("OPEN: nothing new in the grace period, no reclaim after it (RFC 8881 8.4.2.1)", async () => {
  for (const minor of VERSIONS) {
    const fixture = new StateFixture({ graceMs: 1000 });
    const client = await fixture.client(minor, { reclaimComplete: false });
    assertEquals(await client.openStatus("file", { seqid: 1 }), "GRACE");
    const claim = { claim: "previous", delegate: 0 } as const;
    const reclaim = client.openOp("", { claim, seqid: 2, owner: "r" });
    const opened = await client.ok("OPEN", ...walk(["file"]), reclaim);
    // RFC 7530 9.1.11: a reclaim needs no confirmation.
    assertEquals(opened.flags & 2, 0);
    fixture.clock.advance(2000);
    const late = client.openOp("", { claim, seqid: 1, owner: "l" });
    assertEquals(await client.status(...walk(["file"]), late), "NO_GRACE");
    if (minor > 0) {
      // RFC 8881 18.51.3
      assertEquals(await client.openStatus("file"), "GRACE");
      await client.ok("RECLAIM_COMPLETE", op.reclaimComplete());
    }
    await client.open("file", { seqid: 9, owner: "n" });
  }
});

Deno.test("OPEN 4.1: who says what it wants is told why it gets nothing (RFC 8881 18.16.3)", async () => {
  const client = await new StateFixture().client(1);
  const delegation = async (want: number) => {
    const open = client.openOp("file", { access: READ | want });
    return (await client.ok("OPEN", op.putrootfh(), open)).delegation;
  };
  assertEquals(await delegation(0), { type: "none" });
  const resource = { type: "none_ext", why: 2, will: false } as const;
  assertEquals(await delegation(0x100), resource);
  assertEquals(await delegation(0x3_0300), resource);
  assertEquals(await delegation(0x400), { type: "none_ext", why: 0 });
  assertEquals(await delegation(0x500), { type: "none_ext", why: 7 });
});
