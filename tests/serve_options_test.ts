import { assertEquals, assertNotEquals } from "@std/assert";
import { Status } from "../src/nfs4/constants.ts";
import { op, openSession } from "./support/client/mod.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { SeededRandom } from "./support/seeded_random.ts";
import { startServer } from "./support/server.ts";

const SECOND = 1_000;

Deno.test("the clock that is given is what leases go by; silent clients go when courtesy ends", async () => {
  const clock = new FakeClock();
  const times = { leaseSeconds: 10, courtesySeconds: 5 };
  await using server = await startServer({ clock, ...times });
  const { port } = server;
  await using kept = await openSession({ port });
  await using gone = await openSession({ port });
  clock.advance(14 * SECOND);
  server.server.sweep();
  await kept.compound([op.putrootfh()]);
  clock.advance(2 * SECOND);
  server.server.sweep();
  await kept.compound([op.putrootfh()]);
  await gone.expectStatus(Status.BADSESSION, [op.putrootfh()]);
});

Deno.test("the randomness that is given is what ids are made of", async () => {
  const ids = async (seed: number) => {
    const random = new SeededRandom(seed).bytes;
    await using server = await startServer({ random });
    await using session = await openSession({ port: server.port });
    return { client: session.client.clientid, session: session.id };
  };
  assertEquals(await ids(1), await ids(1));
  assertNotEquals(await ids(1), await ids(2));
});
