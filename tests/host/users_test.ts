import { assertEquals, assertRejects } from "@std/assert";
import { SubordinateIds } from "../../src/host/subordinate_ids.ts";
import { HostUsers } from "../../src/host/users.ts";
import { FakeClock, toldClock } from "../support/fake_clock.ts";

const TABLES: Record<string, string | undefined> = {
  "/etc/passwd": [
    "root:x:0:0:root:/root:/bin/bash",
    "# a comment",
    "ann:x:1000:1001:Ann:/home/ann:/bin/sh",
    "bob:x:1002:bad:Bob:/:/bin/sh",
    "",
  ].join("\n"),
  "/etc/group": [
    "ann:x:1001:",
    "audio:x:29:ann,bob",
    "wheel:*:10:root, ann",
    "disk:x:6:annabel",
    "broken:x:-1:ann",
    "staff:x:50:bob,ann",
  ].join("\n"),
};

Deno.test("a user has the group of passwd(5) and those of group(5) that name it", async () => {
  const users = new HostUsers({
    clock: new FakeClock(),
    read: (path) => Promise.resolve(TABLES[path]),
  });
  assertEquals(await users.find(1000), {
    uid: 1000,
    gid: 1001,
    gids: [29, 50],
  });
});

Deno.test("a user that the tables don't know well has no group", async () => {
  const users = new HostUsers({
    clock: new FakeClock(),
    read: (path) => Promise.resolve(TABLES[path]),
  });
  for (const uid of [1002, 4711]) {
    assertEquals(await users.find(uid), { uid, gid: 65534, gids: [] });
  }
});

Deno.test("without /etc/group there is the group of passwd(5), without both there is none", async () => {
  let readable = ["/etc/passwd"];
  let now = 0;
  const users = new HostUsers({
    clock: toldClock(() => now),
    read: (path) =>
      Promise.resolve(readable.includes(path) ? TABLES[path] : undefined),
  });
  assertEquals(await users.find(1000), { uid: 1000, gid: 1001, gids: [] });
  readable = [];
  now += 10_000;
  assertEquals(await users.find(1000), { uid: 1000, gid: 65534, gids: [] });
});

Deno.test("a user whose groups could not be read for want of descriptors is asked for again", async () => {
  let isOut = true;
  const users = new HostUsers({
    clock: new FakeClock(),
    read: (path) =>
      isOut
        ? Promise.reject(new Error("EMFILE"))
        : Promise.resolve(TABLES[path]),
  });
  await assertRejects(() => users.find(1000));
  isOut = false;
  assertEquals((await users.find(1000)).gids, [29, 50]);
});

Deno.test("what was read is good for ten seconds", async () => {
  let now = 0;
  let reads = 0;
  const users = new HostUsers({
    clock: toldClock(() => now),
    read: (path) => {
      reads++;
      return Promise.resolve(TABLES[path]);
    },
  });
  await Promise.all([users.find(1000), users.find(1000)]);
  now = 9_999;
  await users.find(1000);
  assertEquals(reads, 2);
  now = 10_000;
  await users.find(1000);
  assertEquals(reads, 4);
});

const PASSWD = [
  "root:x:0:0:root:/root:/bin/bash",
  "ann:x:1000:1000:Ann:/home/ann:/bin/sh",
  "bob:x:1001:1001:Bob:/home/bob:/bin/sh",
  "within:x:100005:100005::/:/bin/sh",
].join("\n");
const SUBUID = [
  "# a comment",
  "ann:100000:65536",
  "root:1000000:65536",
  "bob:bad:65536",
  "bob:165536:1",
  "1001:300000:10",
  "elsewhere:400000:65536",
  "elsewhere:500000:65536",
  "",
].join("\n");

function reading(tables: Record<string, string | undefined>) {
  return (path: string) => Promise.resolve(tables[path]);
}

/** Whose `uid` is. */
function ownerOf(uid: number, subuid: string | undefined = SUBUID) {
  const tables = { "/etc/passwd": PASSWD, "/etc/subuid": subuid };
  const clock = new FakeClock();
  return new SubordinateIds({ clock, read: reading(tables) }).ownerOf(uid);
}

Deno.test("a user that was given to another is that one, from the first of the range to the last", async () => {
  const owners = [
    [99_999, 99_999],
    [100_000, 1000],
    [165_535, 1000],
    [165_536, 1001],
    [165_537, 165_537],
    [300_009, 1001],
  ] as const;
  for (const [uid, owner] of owners) {
    assertEquals(await ownerOf(uid), owner, `${uid}`);
  }
});

Deno.test("who has an account is nobody else's", async () => {
  for (const uid of [0, 1000, 100_005]) assertEquals(await ownerOf(uid), uid);
});

Deno.test("users of root's containers are one, and not root", async () => {
  assertEquals(await ownerOf(1_000_500), 1_000_000);
});

Deno.test("users of one that has no account here are one, in all of its ranges", async () => {
  assertEquals(await ownerOf(400_001), 400_000);
  assertEquals(await ownerOf(500_001), 400_000);
});

Deno.test("without subuid(5) each user is itself", async () => {
  assertEquals(await ownerOf(100_000, ""), 100_000);
  const clock = new FakeClock();
  const ids = new SubordinateIds({ clock, read: reading({}) });
  assertEquals(await ids.ownerOf(100_000), 100_000);
});

Deno.test("the tables are read once in ten seconds, and again after a failure", async () => {
  const clock = new FakeClock();
  let reads = 0;
  let isOut = true;
  const ids = new SubordinateIds({
    clock,
    read: (path) => {
      reads++;
      if (isOut) return Promise.reject(new Error("no descriptor"));
      return Promise.resolve(path === "/etc/passwd" ? PASSWD : SUBUID);
    },
  });
  await assertRejects(() => ids.ownerOf(100_000), Error, "no descriptor");
  isOut = false;
  assertEquals(await ids.ownerOf(100_000), 1000);
  assertEquals(await ids.ownerOf(165_536), 1001);
  assertEquals(reads, 3);
  clock.advance(10_000);
  assertEquals(await ids.ownerOf(100_000), 1000);
  assertEquals(reads, 5);
});
