import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import {
  type Delegation,
  type DelegationPolicy,
  noDelegations,
  revokeDelegation,
  WhyNoDelegation,
} from "../../../src/state/delegations.ts";
import {
  anonymousStateid,
  op,
  SequenceStatus,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { LEASE } from "../../state/fixture.ts";
import {
  AT_FILE,
  type StateClient,
  StateFixture,
  statuses,
  uses,
} from "../state_fixture.ts";

const READ = 1;
const WRITE = 2;

/** Grants to whoever opens, by access, as long as it is generous, and notes what is recalled. */
function generous() {
  const recalled: Delegation[] = [];
  const own = { recalled, isGenerous: true };
  const policy: DelegationPolicy = {
    ...noDelegations,
    offer(open) {
      if (!own.isGenerous) return WhyNoDelegation.RESOURCE;
      return open.access & WRITE ? "write" : "read";
    },
    recall: (delegation) => void recalled.push(delegation),
  };
  return Object.assign(own, { policy });
}

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`delegations 4.${minor}: ${name}`, body);

  /** A client with a delegation of `file`, and another client. */
  const delegated = async (access: number) => {
    const granting = generous();
    const fixture = new StateFixture({
      delegations: granting.policy,
      tree: { file: "content", more: "" },
    });
    const client = await fixture.client(minor);
    granting.isGenerous = false;
    // NFSv4.0 gets none with an OPEN that is to be confirmed.
    await client.open("more", { seqid: 1 });
    granting.isGenerous = true;
    const open = client.openOp("file", { access, seqid: 3 });
    const opened = await client.ok("OPEN", op.putrootfh(), open);
    granting.isGenerous = false;
    const delegation = opened.delegation as { type: string; stateid: Stateid };
    const other = await fixture.client(minor);
    return { fixture, granting, client, other, delegation };
  };

  test("are given by OPEN, used, and given back (RFC 8881 10.4, 18.6)", async () => {
    const { fixture, client, delegation } = await delegated(READ);
    const { stateid, type } = delegation;
    assertEquals(type, "read");
    const io = await statuses(client, uses(stateid));
    assertEquals(io, ["OK", "OPENMODE", "OPENMODE"]);
    const wrong = await client.status(
      ...walk(["more"]),
      op.delegreturn(stateid),
    );
    assertEquals(wrong, "BAD_STATEID");
    const returned = () => client.status(...AT_FILE, op.delegreturn(stateid));
    assertEquals(await returned(), "OK");
    assertEquals(await returned(), "BAD_STATEID");
    assertEquals(fixture.counts.stateids, 2);
  });

  test("a conflicting OPEN recalls once and is told DELAY (RFC 8881 10.4.4)", async () => {
    const { granting, client, other, delegation } = await delegated(3);
    // What its own client does is no conflict.
    const own = { access: READ, seqid: 4 };
    assertEquals(await client.openStatus("file", own), "OK");
    const open = (seqid: number) =>
      other.openStatus("file", { access: READ, seqid });
    assertEquals(await open(1), "DELAY");
    assertEquals(await open(2), "DELAY");
    assertEquals(granting.recalled.length, 1);
    await client.ok(
      "DELEGRETURN",
      ...AT_FILE,
      op.delegreturn(delegation.stateid),
    );
    assertEquals(await open(3), "OK");
  });

  test("a read delegation stands readers, not writers", async () => {
    const { granting, other } = await delegated(READ);
    const open = (access: number, deny: number, seqid: number) =>
      other.openStatus("file", { access, deny, seqid, owner: `${seqid}` });
    assertEquals(await open(READ, 0, 1), "OK");
    assertEquals(granting.recalled.length, 0);
    assertEquals(await open(WRITE, 0, 2), "DELAY");
    const io = await statuses(other, uses(anonymousStateid));
    assertEquals(io, ["OK", "DELAY", "DELAY"]);
    assertEquals(granting.recalled.length, 1);
  });

  test("nothing that its own client opens, of whatever owner, is in the way (RFC 7530 10.4.1, RFC 8881 10.4.1)", async () => {
    for (const held of [READ, 3]) {
      const { granting, client } = await delegated(held);
      let seqid = 10;
      for (const access of [READ, WRITE, 3]) {
        const open = { access, owner: `new ${access}`, seqid: seqid++ };
        assertEquals(await client.openStatus("file", open), "OK");
      }
      assertEquals(granting.recalled, []);
    }
  });

  test("a client that is away loses them to whoever minds (RFC 8881 8.4.3)", async () => {
    const { fixture, other } = await delegated(3);
    fixture.clock.advance(LEASE + 1);
    if (minor === 0) await other.call(op.renew(other.clientid));
    const open = { access: WRITE, seqid: 1 };
    assertEquals(await other.openStatus("file", open), "OK");
  });

  test("one is good for what its OPEN was checked for when the file gets another owner", async () => {
    const granting = generous();
    const fs = memory({ file: "content", more: "" });
    const fixture = new StateFixture({ delegations: granting.policy, fs });
    const file = fs.lookup(fs.root(), "file")!;
    fs.setattr(file, { mode: 0o700, uid: 1001 });
    const client = await fixture.client(minor);
    granting.isGenerous = false;
    await client.open("more", { seqid: 1 });
    granting.isGenerous = true;
    client.uid = 1001;
    const open = client.openOp("file", { access: WRITE, seqid: 3 });
    const opened = await client.ok("OPEN", op.putrootfh(), open);
    const { stateid } = opened.delegation as { stateid: Stateid };
    // Linux sends truncate() of the new owner by the old one and this stateid, and
    // so what is still to be written back.
    fs.setattr(file, { uid: 1002 });
    const io = await statuses(client, uses(stateid));
    assertEquals(io, ["ACCESS", "OK", "OK"]);
  });

  for (
    const [who, uid] of [["the file's owner", 1001], [
      "another user",
      1002,
    ]] as const
  ) {
    test(`what ${who} opened under one is claimed after a chmod, by name as by filehandle (RFC 8881 10.4.4, RFC 7530 10.4.4)`, async () => {
      const granting = generous();
      const fs = memory({ file: "content", more: "" });
      const fixture = new StateFixture({ delegations: granting.policy, fs });
      const file = fs.lookup(fs.root(), "file")!;
      fs.setattr(file, { mode: 0o666, uid: 1001 });
      const client = await fixture.client(minor);
      granting.isGenerous = false;
      await client.open("more", { seqid: 1 });
      granting.isGenerous = true;
      client.uid = uid;
      const open = client.openOp("file", { access: WRITE, seqid: 3 });
      const opened = await client.ok("OPEN", op.putrootfh(), open);
      const { stateid } = opened.delegation as { stateid: Stateid };
      fs.setattr(file, { mode: 0o444 });
      const claims = [
        { claim: "delegate_cur", stateid, name: "file" },
        { claim: "deleg_cur_fh", stateid },
      ] as const;
      for (const claim of minor === 0 ? claims.slice(0, 1) : claims) {
        const at = claim.claim === "delegate_cur" ? [op.putrootfh()] : AT_FILE;
        const by = (uid: number, access: number) => {
          client.uid = uid;
          const owner = `${claim.claim} ${uid} ${access}`;
          const open = client.openOp("", { claim, access, owner, seqid: 1 });
          return client.status(...at, open);
        };
        assertEquals(await by(uid, WRITE), "OK");
        assertEquals(await by(uid, READ), "OK");
        assertEquals(await by(1003, WRITE), "ACCESS");
        assertEquals(await by(1003, READ), "OK");
      }
      // Anew the file is opened as its mode says.
      client.uid = uid;
      const anew = { access: WRITE, seqid: 1, owner: "anew" };
      assertEquals(await client.openStatus("file", anew), "ACCESS");
    });
  }

  test("an OPEN claims by one (RFC 8881 18.16.3, RFC 7530 16.16.5)", async () => {
    const { client, other, delegation } = await delegated(READ);
    const { stateid } = delegation;
    const claim = { claim: "delegate_cur", stateid, name: "file" } as const;
    const open = (who: StateClient, access: number, owner: string) =>
      who.openStatus("", { claim, access, owner, seqid: 1 });
    assertEquals(await open(client, READ, "a"), "OK");
    assertEquals(await open(client, WRITE, "b"), "BAD_STATEID");
    if (minor === 0) return;
    assertEquals(await open(other, READ, "c"), "BAD_STATEID");
    const byHandle = { claim: "deleg_cur_fh", stateid } as const;
    const fh = client.openOp("", { claim: byHandle, access: READ });
    assertEquals(await client.status(...AT_FILE, fh), "OK");
    assertEquals(await client.status(...walk(["more"]), fh), "BAD_STATEID");
  });
}

Deno.test("delegations 4.1: a revoked one is DELEG_REVOKED until it is freed (RFC 8881 10.4.5, 18.38.3)", async () => {
  const granting = generous();
  const fixture = new StateFixture({ delegations: granting.policy });
  const client = await fixture.client(1);
  const other = await fixture.client(1);
  const opened = await client.ok("OPEN", op.putrootfh(), client.openOp("file"));
  const { stateid } = opened.delegation as { stateid: Stateid };
  granting.isGenerous = false;
  assertEquals(await other.openStatus("file"), "DELAY");
  revokeDelegation(fixture.services.state, granting.recalled[0]!);
  assertEquals(await other.openStatus("file"), "OK");
  const flags = async () =>
    (await client.ok("SEQUENCE", op.putrootfh())).statusFlags &
    SequenceStatus.RECALLABLE_STATE_REVOKED;
  assertEquals(await flags(), SequenceStatus.RECALLABLE_STATE_REVOKED);
  const read = await client.status(...AT_FILE, op.read({ stateid }));
  assertEquals(read, "DELEG_REVOKED");
  const tested = await client.ok("TEST_STATEID", op.testStateid([stateid]));
  assertEquals(tested.statuses, [10087]);
  assertEquals(await client.status(op.freeStateid(stateid)), "OK");
  assertEquals(await flags(), 0);
  assertEquals(await client.status(op.freeStateid(stateid)), "BAD_STATEID");
});
