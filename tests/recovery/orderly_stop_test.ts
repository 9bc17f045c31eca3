/** What a server that stops in order leaves for its next start to wait for. */

import { assertEquals } from "@std/assert";
import { AT_FILE } from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import { op } from "../support/client/mod.ts";
import { reclaim, RestartFixture } from "./restart.ts";

const NOT_COMPLETE = { reclaimComplete: false };
const done = op.reclaimComplete();

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`recovery 4.${minor}: after an orderly stop ${name}`, body);

  test("a client that had closed all that it opened is not waited for", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const seqid = minor === 0 ? 3 : 0;
    await client.call(...AT_FILE, op.close(stateid, seqid));
    server.stop();
    assertEquals([server.recovery.size, server.grace.isActive], [0, false]);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "NO_GRACE");
  });

  test("one that holds a file still is, and it reclaims", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    server.stop();
    assertEquals([server.recovery.size, server.grace.isActive], [1, true]);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "OK");
  });

  test("in the grace period one that has not reclaimed is waited for again", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    server.restart();
    // It is back, and holds nothing yet.
    await server.fixture.client(minor, NOT_COMPLETE);
    server.stop();
    assertEquals(server.grace.isActive, true);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "OK");
  });

  test("a client whose OPEN came all the same is on record", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const seqid = minor === 0 ? 3 : 0;
    await client.call(...AT_FILE, op.close(stateid, seqid));
    server.recovery.end();
    await client.open("file", { seqid: 1, owner: "another" });
    server.restart();
    assertEquals(server.grace.isActive, true);
  });
}

for (const minor of [1, 2] as const) {
  Deno.test(`recovery 4.${minor}: after an orderly stop in the grace period one that is done, and holds nothing, is not waited for`, async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    const other = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    await other.open("more", { seqid: 1 });
    server.restart();
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    await again.call(done);
    server.stop();
    assertEquals([server.recovery.size, server.grace.isActive], [1, true]);
    server.advance(LEASE);
    assertEquals(server.grace.isActive, false);
  });
}
