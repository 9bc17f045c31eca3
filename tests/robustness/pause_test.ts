/** A server that did not run for longer than a lease: stopped by a signal, frozen with its machine. */

import { assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { PAUSE_MS } from "../../src/base/clock.ts";
import { created, Fixture, NOT_WANTED } from "../conformance/v41/fixture.ts";
import { statusOfOpen } from "../conformance/v41/fixture.ts";

const DENY_BOTH = 3;
const ACCESS_BOTH = 3 | NOT_WANTED;

Deno.test("no client loses what it holds because the server itself stood still for longer than a lease", async () => {
  await using fixture = await Fixture.open({ leaseSeconds: 1 });
  const holder = await fixture.session();
  const file = await holder.open(["file"], {
    access: ACCESS_BOTH,
    deny: DENY_BOTH,
    create: created,
  });
  const other = await fixture.session();
  // Nothing runs, neither the server's timers nor its sockets.
  const memory = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(memory, 0, 0, PAUSE_MS + 100);
  const status = await statusOfOpen(other, ["file"], { access: ACCESS_BOTH });
  assertEquals(status, Status.SHARE_DENIED);
  await holder.compound([]);
  assertEquals(holder.statusFlags, 0);
  assertEquals(file.stateid.seqid, 1);
});
