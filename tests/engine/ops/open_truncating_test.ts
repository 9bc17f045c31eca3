/** While a file system takes its time to change a file, no OPEN gets what the change can't be beside. */

import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { Share } from "../../../src/nfs4/constants.ts";
import { Gate, waiting } from "../../robustness/fixture.ts";
import {
  anonymousStateid,
  CreateMode,
  op,
  type Request,
} from "../../support/client/mod.ts";
import { AT_FILE, type StateClient, StateFixture } from "../state_fixture.ts";

const { ACCESS_READ, ACCESS_WRITE, DENY_READ, DENY_WRITE } = Share;
const truncating = {
  create: { mode: CreateMode.UNCHECKED, attributes: { size: 0n } },
  owner: "truncating",
};

/** Clients of a file system that holds back `method`, and the gate that it does so at. */
async function held(method: string, minor: 0 | 1 | 2) {
  const gate = new Gate(method);
  const fs = waiting(memory({ file: "content" }), gate.hold);
  const fixture = new StateFixture({ fs });
  return {
    gate,
    one: await fixture.client(minor),
    two: await fixture.client(minor),
  };
}

async function sizeFor(client: StateClient): Promise<bigint | undefined> {
  const got = await client.ok("GETATTR", ...AT_FILE, op.getattr(["size"]));
  return got.attributes.size;
}

for (const minor of [0, 1, 2] as const) {
  for (
    const [what, own, other] of [
      ["denies to write", {}, { deny: DENY_WRITE }],
      ["reads what is denied", { deny: DENY_READ }, { access: ACCESS_READ }],
    ] as const
  ) {
    Deno.test(`NFSv4.${minor}: in the middle of an OPEN that truncates, one that ${what} is put off (RFC 8881 9.7)`, async () => {
      const { gate, one, two } = await held("setattr", minor);
      gate.shut();
      const options = { ...truncating, access: ACCESS_WRITE, seqid: 1 };
      const opened = one.openStatus("file", { ...options, ...own });
      await gate.reached();
      const asked = { access: ACCESS_READ, ...other };
      const open = (seqid: number) =>
        two.openStatus("file", { ...asked, owner: `${seqid}`, seqid });
      assertEquals(await open(1), "DELAY");
      gate.open();
      assertEquals(await opened, "OK");
      assertEquals(await open(2), "SHARE_DENIED");
    });
  }

  Deno.test(`NFSv4.${minor}: an OPEN that is refused for its shares has cut nothing`, async () => {
    const { gate, one, two } = await held("setattr", minor);
    gate.shut();
    const refused = { ...truncating, access: ACCESS_READ, seqid: 1 };
    const opened = one.openStatus("file", {
      ...refused,
      deny: DENY_WRITE,
    });
    await gate.reached();
    assertEquals(await two.openStatus("file", refused), "DELAY");
    gate.open();
    assertEquals(await opened, "OK");
    await one.call(...AT_FILE, op.write({ data: "x", stable: 2 }));
    assertEquals(await two.openStatus("file", refused), "SHARE_DENIED");
  });
}

const CHANGES: readonly [string, string, Request][] = [
  ["SETATTR of the size", "setattr", op.setattr({ size: 1n })],
  [
    "WRITE",
    "write",
    op.write({ stateid: anonymousStateid, data: "xx", stable: 2 }),
  ],
];

for (const [what, method, request] of CHANGES) {
  Deno.test(`in the middle of a ${what} under no open, an OPEN that denies it is put off`, async () => {
    const { gate, one, two } = await held(method, 1);
    gate.shut();
    const changed = one.status(...AT_FILE, request);
    await gate.reached();
    const open = (deny: number) =>
      two.openStatus("file", { access: ACCESS_READ, deny });
    assertEquals(await open(DENY_WRITE), "DELAY");
    assertEquals(await open(Share.DENY_NONE), "OK");
    gate.open();
    assertEquals(await changed, "OK");
    assertEquals(await open(DENY_WRITE), "OK");
    assertEquals(await one.status(...AT_FILE, request), "LOCKED");
  });

  Deno.test(`in the middle of an OPEN that truncates and denies it, a ${what} under no open is put off`, async () => {
    const { gate, one, two } = await held("setattr", 1);
    gate.shut();
    const deny = DENY_WRITE;
    const opened = one.openStatus("file", { ...truncating, deny });
    await gate.reached();
    assertEquals(await two.status(...AT_FILE, request), "DELAY");
    gate.open();
    assertEquals(await opened, "OK");
    assertEquals(await sizeFor(two), 0n);
    assertEquals(await two.status(...AT_FILE, request), "LOCKED");
  });
}
