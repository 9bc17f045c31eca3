import { assertEquals } from "@std/assert";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import type { MinorVersion } from "../../../src/nfs4/constants.ts";
import { exists, noFiles, read } from "../../docs/documents.ts";
import {
  op,
  type Request,
  type Stateid,
  statusName,
} from "../../support/client/mod.ts";
import { AT_FILE, type StateClient, StateFixture } from "../state_fixture.ts";

/** Of an earlier start of the server: this one's have other bytes in front. */
const STATEID: Stateid = { seqid: 1, other: new Uint8Array(12).fill(9) };

const [USED, REDUCED, GONE] = ["GRACE", "DELAY", "BAD_STATEID"];

/** A use of a stateid, and what it is answered in NFSv4.1 while its client reclaims. */
type Use = readonly [
  answer: string,
  request: (client: StateClient, stateid: Stateid) => Request,
];

const BYTE = { offset: 0n, length: 1n };
const BYTES = {
  ...{ offset: 0n, blockSize: 1n, blockCount: 1n, pattern: new Uint8Array() },
};

/** By the operation, and what is special about its use. */
const USES: Record<string, Use> = {
  "READ": [USED, (_, stateid) => op.read({ stateid })],
  "WRITE": [USED, (_, stateid) => op.write({ stateid, data: "x" })],
  "READ_PLUS": [
    USED,
    (_, stateid) => op.readPlus({ stateid, offset: 0n, count: 1 }),
  ],
  "SEEK": [USED, (_, stateid) => op.seek({ stateid, offset: 0n, what: 0 })],
  "ALLOCATE": [USED, (_, stateid) => op.allocate({ stateid, ...BYTE })],
  "DEALLOCATE": [USED, (_, stateid) => op.deallocate({ stateid, ...BYTE })],
  "COPY": [
    USED,
    (_, stateid) => op.copy({ source: stateid, destination: stateid }),
  ],
  "CLONE": [
    USED,
    (_, stateid) => op.clone({ source: stateid, destination: stateid }),
  ],
  "WRITE_SAME": [
    USED,
    (_, stateid) => op.writeSame({ stateid, ...BYTES }),
  ],
  "IO_ADVISE": [
    USED,
    (_, stateid) => op.ioAdvise({ stateid, ...BYTE, hints: [] }),
  ],
  "SETATTR": [USED, (_, stateid) => op.setattr({ size: 1n }, stateid)],
  "LOCK of a new owner": [USED, firstLock({ reclaim: false })],
  "LOCK of a known owner": [USED, furtherLock({ reclaim: false })],
  "LOCK of a new owner, reclaimed": [GONE, firstLock({ reclaim: true })],
  "LOCK of a known owner, reclaimed": [GONE, furtherLock({ reclaim: true })],
  "OPEN by a delegation": [
    USED,
    (client, stateid) =>
      client.openOp("", {
        claim: { claim: "delegate_cur", name: "file", stateid },
      }),
  ],
  "LOCKU": [REDUCED, (_, stateid) => op.locku({ stateid })],
  "OPEN_DOWNGRADE": [
    REDUCED,
    (_, stateid) => op.openDowngrade({ stateid, access: 1 }),
  ],
  "CLOSE": [GONE, (_, stateid) => op.close(stateid)],
  "DELEGRETURN": [GONE, (_, stateid) => op.delegreturn(stateid)],
  "OFFLOAD_CANCEL": [GONE, (_, stateid) => op.offloadCancel(stateid)],
  "OFFLOAD_STATUS": [GONE, (_, stateid) => op.offloadStatus(stateid)],
  "FREE_STATEID": [GONE, (_, stateid) => op.freeStateid(stateid)],
  "TEST_STATEID": [GONE, (_, stateid) => op.testStateid([stateid])],
  "OPEN_CONFIRM": [GONE, (_, stateid) => op.openConfirm(stateid, 1)],
};

function firstLock(options: { readonly reclaim: boolean }): Use[1] {
  return (client, openStateid) =>
    op.lock({ ...options, locker: { openStateid, owner: client.owner() } });
}

function furtherLock(options: { readonly reclaim: boolean }): Use[1] {
  return (_, lockStateid) => op.lock({ ...options, locker: { lockStateid } });
}

/** What of the root folder or its file is answered; TEST_STATEID says it of each. */
async function answerTo(client: StateClient, request: Request) {
  const at = request.name === "OPEN"
    ? [op.putrootfh()]
    : [...AT_FILE, op.savefh()];
  const reply = await client.call(...at, request);
  return statusName(
    request.name === "TEST_STATEID"
      ? reply.get("TEST_STATEID").statuses[0]!
      : reply.status,
  );
}

const nameOf = (use: string): string => use.split(" ")[0]!;

function isServed(use: string, minor: MinorVersion): boolean {
  const row = OPERATIONS.find((row) => row?.name === nameOf(use));
  return row!.versions.includes(minor);
}

for (const minor of [0, 1, 2] as const) {
  for (const [use, [whileReclaiming, request]] of Object.entries(USES)) {
    if (!isServed(use, minor)) continue;
    Deno.test(`a stateid of an earlier start 4.${minor}: ${use} (RFC 8881 8.4.2.1, RFC 7530 9.1.4)`, async () => {
      const fixture = new StateFixture({ graceMs: 10_000 });
      const client = await fixture.client(minor, { reclaimComplete: false });
      const answer = (stateid = STATEID) =>
        answerTo(client, request(client, stateid));
      const stale = minor === 0 ? "STALE_STATEID" : undefined;
      assertEquals(await answer(), stale ?? whileReclaiming);
      // RFC 8881 8.2.3: one that can be of no start is not waited for.
      const invalid = { seqid: 7, other: new Uint8Array(12).fill(0xff) };
      assertEquals(await answer(invalid), "BAD_STATEID");
      fixture.clock.advance(10_000);
      if (minor > 0) await client.call(op.reclaimComplete());
      assertEquals(await answer(), stale ?? "BAD_STATEID");
    });
  }
}

Deno.test(
  "a stateid of an earlier start: each operation that takes a stateid is asked",
  {
    ignore: noFiles,
  },
  () => {
    const taking = OPERATIONS.filter((row) => {
      if (row === undefined || row.versions.length === 0) return false;
      const module = `src/engine/ops/${row.name.toLowerCase()}`;
      const sources = [`${module}.ts`, `${module}/args.ts`].filter(exists);
      return sources.some((path) =>
        /readStateid|readFileRange|readCopiedRange/.test(read(path))
      );
    });
    const asked = new Set(Object.keys(USES).map(nameOf));
    assertEquals(taking.map((row) => row!.name).sort(), [...asked].sort());
  },
);
