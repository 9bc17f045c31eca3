import { assert, assertEquals } from "@std/assert";
import { Op, Status } from "../../src/nfs4/constants.ts";
import {
  argumentBytes,
  callbackCredential,
  type CallbackSecurity,
  op,
  rawRequest,
  type Session,
  walk,
} from "../support/client/mod.ts";
import { Fixture, giveBack, hold, recalled, write } from "./fixture.ts";

const PROGRAM = 0x4000_1234;
const other: readonly CallbackSecurity[] = [{
  flavor: "sys",
  credential: { ...callbackCredential, machine: "renamed", uid: 12, gids: [3] },
}];
const gss: readonly CallbackSecurity[] = [{
  flavor: "gss",
  service: 1,
  fromServer: Uint8Array.of(1),
  fromClient: Uint8Array.of(2),
}];

/** Has a callback sent, and looks at how it came; the strict client does so too. */
async function probe(fixture: Fixture, session: Session, name: string) {
  const writer = await fixture.session();
  const held = await hold(session, name);
  await write(writer, name);
  await recalled(session, held);
  await giveBack(session, held);
  session.client.callbacks.assertClean();
  const { header } = session.client.callbacks.calls.at(-1)!;
  assert(header.credential.flavor === "sys");
  return { program: header.program, machine: header.credential.machine };
}

Deno.test("BACKCHANNEL_CTL updates the program and the credential, from the next callback on", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  assertEquals(await probe(fixture, session, "f"), {
    program: 0x4000_0000,
    machine: callbackCredential.machine,
  });
  await session.backchannelCtl(PROGRAM, other);
  assertEquals(await probe(fixture, session, "g"), {
    program: PROGRAM,
    machine: "renamed",
  });
});

Deno.test("BACKCHANNEL_CTL of a session without a back channel is NFS4ERR_INVAL", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ flags: 0 });
  const request = op.backchannelCtl(PROGRAM, other);
  await session.expectStatus(Status.INVAL, [request]);
});

Deno.test("BACKCHANNEL_CTL that can't be read is NFS4ERR_BADXDR", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const whole = argumentBytes(op.backchannelCtl(PROGRAM, other));
  const flavor = whole.slice();
  flavor[11] = 77;
  for (const bytes of [whole.subarray(0, 10), flavor, whole.subarray(0, 24)]) {
    const request = rawRequest(Op.BACKCHANNEL_CTL, bytes);
    await session.expectStatus(Status.BADXDR, [request]);
  }
  assertEquals((await probe(fixture, session, "f")).program, 0x4000_0000);
});

Deno.test("BACKCHANNEL_CTL without a flavor is NFS4ERR_INVAL, with handles only that nobody has NFS4ERR_NOENT, and nothing changes (RFC 8881 18.33.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const nothing: readonly CallbackSecurity[] = [];
  for (
    const [security, status] of [
      [gss, Status.NOENT],
      [nothing, Status.INVAL],
    ] as const
  ) {
    const request = op.backchannelCtl(PROGRAM, security);
    await session.expectStatus(status, [request]);
  }
  assertEquals((await probe(fixture, session, "f")).program, 0x4000_0000);
});

Deno.test("BACKCHANNEL_CTL takes the flavor that it can send from among others", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  await session.backchannelCtl(PROGRAM, [...gss, { flavor: "none" }, ...other]);
  assertEquals(await probe(fixture, session, "f"), {
    program: PROGRAM,
    machine: "renamed",
  });
});

Deno.test("SEQUENCE and BACKCHANNEL_CTL in one COMPOUND, with what comes behind them", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const reply = await session.compound([
    op.backchannelCtl(0x4000_0000, [{
      flavor: "sys",
      credential: callbackCredential,
    }]),
    ...walk(["f"]),
    op.getattr(["size"]),
  ]);
  assertEquals(reply.results.map(({ name }) => name), [
    "SEQUENCE",
    "BACKCHANNEL_CTL",
    "PUTROOTFH",
    "LOOKUP",
    "GETATTR",
  ]);
});

Deno.test("BACKCHANNEL_CTL without SEQUENCE is NFS4ERR_OP_NOT_IN_SESSION", async () => {
  await using fixture = await Fixture.open();
  const { client } = await fixture.session();
  await client.compound([op.backchannelCtl(PROGRAM, other)], {
    expect: Status.OP_NOT_IN_SESSION,
  });
});
