import { assertEquals } from "@std/assert";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import { Op } from "../../../src/nfs4/constants.ts";
import { errorLists, operationsWith } from "../../docs/error_lists.ts";
import { StateClient, StateFixture } from "../../engine/state_fixture.ts";
import { samples } from "../../robustness/samples.ts";
import {
  argumentBytes,
  op,
  type ReaddirOptions,
  type Request,
} from "../../support/client/mod.ts";

const VERSIONS = ["4.0", "4.1"] as const;
const minorOf = { "4.0": 0, "4.1": 1 } as const;

/** A request of this operation that decodes. */
function sampleOf(name: string): Request {
  return samples.find((sample) => sample.name === name)!;
}

/** The same without its last word. */
function cut(request: Request): Request {
  const bytes = argumentBytes(request);
  return { ...request, encode: (xdr) => xdr.raw(bytes.subarray(0, -4)) };
}

for (const version of VERSIONS) {
  const minor = minorOf[version];

  Deno.test(`arguments that are cut short are BADXDR in every operation of NFSv${version} (RFC 8881 15.1.1.1, RFC 7530 13.1.1.1)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const name of operationsWith(version, "BADXDR")) {
      // RFC 8881 18.52.3: ILLEGAL has no arguments; SEQUENCE stands first, see below.
      if (name === "ILLEGAL" || name === "SEQUENCE") continue;
      const status = await client.status(op.putrootfh(), cut(sampleOf(name)));
      assertEquals(status, "BADXDR", name);
    }
  });

  Deno.test(`without a current filehandle they are NOFILEHANDLE in NFSv${version} (RFC 8881 15.1.2.5, RFC 7530 13.1.2.5)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const name of operationsWith(version, "NOFILEHANDLE")) {
      const lists = errorLists[version].get(name)!;
      const status = await client.status(sampleOf(name));
      // What is not supported has no use for a filehandle.
      if (status === "NOTSUPP") assertEquals(lists.includes("NOTSUPP"), true);
      // One for all file systems needs none (RFC 8881 18.51.3).
      else if (name === "RECLAIM_COMPLETE") {
        assertEquals(status, "COMPLETE_ALREADY");
      } else assertEquals(status, "NOFILEHANDLE", name);
    }
  });

  Deno.test(`what NFSv${version} has and this server doesn't is NOTSUPP (RFC 8881 15.1.1.5, RFC 7530 13.1.1.5)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const row of OPERATIONS) {
      if (row === undefined || row.since > minor) continue;
      if (row.versions.includes(minor)) continue;
      const status = await client.status(op.putrootfh(), sampleOf(row.name));
      assertEquals(status, "NOTSUPP", row.name);
    }
  });

  Deno.test(`READDIR of NFSv${version} wants room for an entry, and cookies as it gave them (RFC 8881 18.23.3, RFC 7530 16.24.4)`, async () => {
    const client = await new StateFixture().client(minor);
    const status = (options: ReaddirOptions) =>
      client.status(op.putrootfh(), op.readdir(options));
    assertEquals(await status({ maxcount: 8 }), "TOOSMALL");
    assertEquals(await status({ cookie: 1n }), "BAD_COOKIE");
    const verifier = new Uint8Array(8).fill(9);
    assertEquals(await status({ cookie: 9n, verifier }), "NOT_SAME");
    assertEquals(await status({ attributes: ["time_modify_set"] }), "INVAL");
  });

  Deno.test(`a number that is no operation of NFSv${version} is OP_ILLEGAL (RFC 8881 18.52, RFC 7530 16.38)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const number of [0, 2, minor === 0 ? 40 : 59, 76, Op.ILLEGAL, -1]) {
      assertEquals(
        await client.status(op.raw(number >>> 0)),
        "OP_ILLEGAL",
        `${number}`,
      );
    }
  });
}

Deno.test("without SEQUENCE what belongs into a session is OP_NOT_IN_SESSION (RFC 8881 2.10.6.4)", async () => {
  const stranger = new StateClient(new StateFixture(), 1, 1);
  for (const name of operationsWith("4.1", "OP_NOT_IN_SESSION")) {
    const status = await stranger.status(sampleOf(name));
    assertEquals(status, "OP_NOT_IN_SESSION", name);
  }
});

Deno.test("SEQUENCE that is cut short is BADXDR, anywhere but first SEQUENCE_POS, of no session BADSESSION (RFC 8881 18.46.3)", async () => {
  const fixture = new StateFixture();
  const stranger = new StateClient(fixture, 1, 1);
  const sequence = sampleOf("SEQUENCE");
  assertEquals(await stranger.status(cut(sequence)), "BADXDR");
  assertEquals(await stranger.status(sequence), "BADSESSION");
  const client = await fixture.client(1);
  assertEquals(await client.status(sequence), "SEQUENCE_POS");
});

Deno.test("what may stand without SEQUENCE stands alone then, else NOT_ONLY_OP (RFC 8881 18.34.3 to 18.37.3, 18.50.3)", async () => {
  const stranger = new StateClient(new StateFixture(), 1, 1);
  for (const name of operationsWith("4.1", "NOT_ONLY_OP")) {
    const status = await stranger.status(sampleOf(name), op.putrootfh());
    assertEquals(status, "NOT_ONLY_OP", name);
  }
});
