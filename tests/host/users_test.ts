import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock, toldClock } from "../support/fake_clock.ts";
import { HostUsers } from "../../src/host/users.ts";

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
