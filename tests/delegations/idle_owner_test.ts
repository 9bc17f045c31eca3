import { Status } from "../../src/nfs4/constants.ts";
import { eventually, Fixture } from "../backchannel/fixture.ts";
import {
  anonymousStateid,
  CreateMode,
  op,
  type Request,
  V40Client,
} from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

const BOTH = 3;
const LEASE = 90_000;
const create = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o666 } };

const USES: Readonly<
  Record<string, (file: Uint8Array) => readonly Request[]>
> = {
  REMOVE: () => [op.putrootfh(), op.remove("f")],
  RENAME: () => [op.putrootfh(), op.savefh(), op.rename("f", "h")],
  WRITE: (file) => [
    op.putfh(file),
    op.write({ stateid: anonymousStateid, data: "x", stable: 2 }),
  ],
  READ: (file) => [
    op.putfh(file),
    op.read({ stateid: anonymousStateid, count: 9 }),
  ],
  SETATTR: (file) => [op.putfh(file), op.setattr({ mode: 0o600 })],
};

for (const [name, requests] of Object.entries(USES)) {
  Deno.test(`an idle owner of its NFSv4.0 client does not take a delegation out of the way of ${name} (RFC 7530 10.4.4)`, async () => {
    const clock = new FakeClock();
    await using fixture = await Fixture.open({ clock, tree: {} });
    const { port } = fixture.server;
    await using holder = await V40Client.connect({ port });
    await holder.register();
    const { filehandle } = await eventually("a delegation", async () => {
      const file = await holder.open(["f"], { access: BOTH, create });
      return file.delegation.type === "write" && file;
    });
    const other = await holder.open(["g"], {
      access: BOTH,
      create,
      owner: "second",
    });
    const { seqid } = holder.owner("second");
    await holder.compound([
      op.putfh(other.filehandle),
      op.close(other.stateid, seqid),
    ]);
    // The owner is idle for a lease, and the sweep of that second is yet to come.
    await clock.advanceAsync(LEASE / 2 + 500);
    await holder.compound([op.renew(holder.clientid)]);
    await clock.advanceAsync(LEASE / 2 - 500 + 100);
    const session = await fixture.session();
    await session.expectStatus(Status.DELAY, requests(filehandle));
    await eventually(
      "the recall",
      () => holder.listener.peer.recalls.length === 1,
    );
  });
}
