import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import {
  type DelegationPolicy,
  noDelegations,
  WhyNoDelegation,
} from "../../../src/state/delegations.ts";
import {
  anonymousStateid,
  op,
  type Request,
  type Stateid,
} from "../../support/client/mod.ts";
import { AT_FILE, type StateClient, StateFixture } from "../state_fixture.ts";

const READ = 1;
const WRITE = 2;
const BOTH = 3;
const DENY_READ = 1;
/** OPEN4_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION */
const XOR = 0x20_0000;
/** OPEN4_RESULT_NO_OPEN_STATEID */
const NO_OPEN_STATEID = 0x10;

/** Grants to all who open, for reading alone as long as it is reserved. */
function granting() {
  const own = { isReserved: false, isGenerous: true, isRecalling: false };
  const policy: DelegationPolicy = {
    ...noDelegations,
    offer(open) {
      if (!own.isGenerous) return WhyNoDelegation.RESOURCE;
      return open.access & WRITE && !own.isReserved ? "write" : "read";
    },
    reclaim: (_open, type) => ({ type, isRecalled: own.isRecalling }),
  };
  return Object.assign(own, { policy });
}

function openXor(
  client: StateClient,
  options: {
    readonly access?: number;
    readonly deny?: number;
    readonly owner?: string;
  } = {},
): Request<"OPEN"> {
  const { access = BOTH, ...rest } = options;
  return client.openOp("file", { access: access | XOR, ...rest });
}

async function opened(client: StateClient, open: Request<"OPEN">) {
  return await client.ok("OPEN", op.putrootfh(), open);
}

for (const minor of [1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`a delegation in place of an open 4.${minor}: ${name}`, body);

  const start = async () => {
    const granted = granting();
    const fixture = new StateFixture({ delegations: granted.policy });
    return { granted, fixture, client: await fixture.client(minor) };
  };

  test("is all that a client gets that wishes it (RFC 9754)", async () => {
    const { fixture, client } = await start();
    const { stateid, flags, delegation } = await opened(
      client,
      openXor(client),
    );
    assertEquals(stateid, anonymousStateid);
    assertEquals(flags & NO_OPEN_STATEID, NO_OPEN_STATEID);
    assertEquals(delegation.type, "write");
    assertEquals(fixture.counts, { stateids: 1, files: 1 });
    const held = (delegation as { stateid: Stateid }).stateid;
    const write = op.write({ stateid: held, data: "CON" });
    await client.ok("WRITE", ...AT_FILE, write);
    await client.ok("DELEGRETURN", ...AT_FILE, op.delegreturn(held));
    assertEquals(fixture.counts, { stateids: 0, files: 0 });
  });

  test("is what the rest of its COMPOUND goes by", async () => {
    const { client } = await start();
    const current = { seqid: 1, other: new Uint8Array(12) };
    const read = op.read({ stateid: current });
    const { data } = await client.ok(
      "READ",
      op.putrootfh(),
      openXor(client),
      read,
    );
    assertEquals(new TextDecoder().decode(data), "content");
  });

  test("is opened anew by, before it is returned (RFC 8881 10.4.4)", async () => {
    const { client, granted } = await start();
    const { delegation } = await opened(client, openXor(client));
    const { stateid } = delegation as { stateid: Stateid };
    granted.isGenerous = false;
    const claim = { claim: "deleg_cur_fh", stateid } as const;
    const open = client.openOp("", { access: BOTH | XOR, claim });
    const { flags, stateid: own } = await client.ok("OPEN", ...AT_FILE, open);
    assertEquals(flags & NO_OPEN_STATEID, 0);
    await client.ok("DELEGRETURN", ...AT_FILE, op.delegreturn(stateid));
    await client.ok("READ", ...AT_FILE, op.read({ stateid: own }));
  });

  test("comes beside an open that its owner has already", async () => {
    const { client, granted } = await start();
    granted.isGenerous = false;
    const first = await opened(client, openXor(client));
    assertEquals(first.flags & NO_OPEN_STATEID, 0);
    granted.isGenerous = true;
    const second = await opened(client, openXor(client));
    assertEquals(second.delegation.type, "write");
    assertEquals(second.flags & NO_OPEN_STATEID, 0);
    assertEquals(second.stateid.other, first.stateid.other);
  });

  test("does not take the place of one that denies, or does more", async () => {
    const { client, granted } = await start();
    const denying = await opened(client, openXor(client, { deny: DENY_READ }));
    assertEquals(denying.delegation.type, "write");
    assertEquals(denying.flags & NO_OPEN_STATEID, 0);
    const other = await start();
    other.granted.isReserved = granted.isReserved = true;
    const writing = await opened(other.client, openXor(other.client));
    assertEquals(writing.delegation.type, "read");
    assertEquals(writing.flags & NO_OPEN_STATEID, 0);
  });

  test("leaves a client that does not wish it its open", async () => {
    const { client } = await start();
    const { flags } = await opened(
      client,
      client.openOp("file", { access: READ }),
    );
    assertEquals(flags & NO_OPEN_STATEID, 0);
  });

  test("keeps the file for its holder when that has removed it", async () => {
    const { client } = await start();
    const { delegation } = await opened(client, openXor(client));
    const { stateid } = delegation as { stateid: Stateid };
    const { filehandle } = await client.ok("GETFH", ...AT_FILE, op.getfh());
    await client.ok("REMOVE", op.putrootfh(), op.remove("file"));
    const file = op.putfh(filehandle);
    await client.ok("READ", file, op.read({ stateid }));
    await client.ok("DELEGRETURN", file, op.delegreturn(stateid));
    assertEquals(await client.status(file), "STALE");
  });

  test("ends with the answer that could not be kept", async () => {
    const losing = Object.assign(memory({ file: "" }), {
      settle: () => Promise.reject(new Error("the disk is gone")),
    });
    const { policy } = granting();
    const fixture = new StateFixture({ fs: losing, delegations: policy });
    const client = await fixture.client(minor);
    const status = await client.status(op.putrootfh(), openXor(client));
    assertEquals(status, "IO");
    assertEquals(fixture.counts, { stateids: 0, files: 0 });
  });
}

Deno.test("a delegation in place of an open 4.0: is no wish of that version", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const open = client.openOp("file", { access: BOTH | XOR, seqid: 1 });
  assertEquals(await client.status(op.putrootfh(), open), "INVAL");
});

Deno.test("open_arguments says what OPEN takes, in NFSv4.2 (RFC 9754)", async () => {
  const fixture = new StateFixture();
  const asked = op.getattr(["open_arguments"]);
  const [v41, v42] = [await fixture.client(1), await fixture.client(2)];
  const none = await v41.ok("GETATTR", ...AT_FILE, asked);
  assertEquals(none.attributes, {});
  const { attributes } = await v42.ok("GETATTR", ...AT_FILE, asked);
  assertEquals(attributes.open_arguments, {
    access: [1, 2, 3],
    deny: [0, 1, 2, 3],
    wanted: [3, 4, 5, 20, 21],
    claims: [0, 1, 2, 4, 5],
    creates: [0, 1, 2, 3],
  });
});
