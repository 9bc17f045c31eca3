import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { systemRandom } from "../../src/base/clock.ts";
import {
  GONE,
  type LogContent,
  MARK_AT,
  newLog,
  putLine,
  readLog,
} from "../../src/recovery/log_format.ts";
import type { ClientRecord } from "../../src/recovery/record_store.ts";
import {
  loadIdentity,
  newIdentity,
} from "../../src/recovery/server_identity.ts";
import {
  decodeClient,
  decodeSlot,
  encodeClient,
  SlotEncoder,
} from "../../src/recovery/session_format.ts";
import { UNKNOWN } from "../../src/rpc/auth.ts";
import { Client } from "../../src/state/client.ts";
import { StateBudget } from "../../src/state/state_budget.ts";

function record(n: number): ClientRecord {
  return {
    protocol: n % 2 === 0 ? 0 : 1,
    owner: Uint8Array.of(0, n, 255),
    principal: `sys:${n}`,
    leaseMs: 90_000,
  };
}

const HEADER = new TextDecoder().decode(newLog([]).bytes);

const LINES = [
  putLine(record(1)),
  putLine(record(2)),
  putLine(record(3)),
] as const;

function readText(text: string): LogContent {
  return readLog(new TextEncoder().encode(text), "journal");
}

function read(...lines: string[]): LogContent {
  return readText(HEADER + lines.join(""));
}

function left(...lines: string[]): [number[], boolean] {
  const { lines: found, isDamaged } = read(...lines);
  const there = [...found.values()].filter(({ isGone }) => !isGone);
  return [there.map(({ record }) => record.owner[1]!), isDamaged];
}

/** The line when its record was deleted. */
function gone(line: string): string {
  return line.slice(0, MARK_AT) + GONE + line.slice(MARK_AT + GONE.length);
}

Deno.test("records come back as they were written, with their places", () => {
  const records = [record(1), { ...record(2), principal: "ü" }, record(3)];
  const { bytes, lines } = newLog(records);
  const again = readLog(bytes, "journal");
  assertEquals(again, { lines, isDamaged: false, goodBytes: bytes.length });
  assertEquals([...lines.values()].map(({ record }) => record), records);
  const changed = { ...record(1), principal: "none", leaseMs: 1 };
  const { lines: found } = read(...LINES, putLine(changed));
  assertEquals(found.get("1:0001ff")?.record, changed);
});

Deno.test("what is marked as gone is, as is what the owner had before", () => {
  const [one, two, three] = LINES;
  assertEquals(left(gone(one), two, three), [[2, 3], false]);
  const other = putLine({ ...record(1), protocol: 0 });
  assertEquals(left(...LINES, gone(other)), [[1, 2, 3], false]);
  const longer = putLine({ ...record(1), leaseMs: 120_000 });
  assertEquals(left(one, two, gone(longer)), [[2], false]);
  assertEquals(left(gone(one), two, longer), [[1, 2], false]);
});

Deno.test("a log of format 1 is read, with its lines that remove", () => {
  // As it was written by version 1.
  const text = `dittofs-nfs4 client records 1
f36fb808 ["put",1,"0001ff","sys:1",90000]
cc3f926a ["put",0,"0002ff","sys:2",90000]
5bc09958 ["delete",1,"0001ff"]
`;
  const { lines, isDamaged, goodBytes } = readText(text);
  assertEquals([...lines.keys()], ["0:0002ff"]);
  assertEquals([isDamaged, goodBytes], [false, text.length]);
});

Deno.test("a journal torn at any byte has the changes before it", () => {
  const again = putLine({ ...record(1), leaseMs: 1 });
  const text = HEADER + LINES.join("") + gone(again);
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  for (let at = HEADER.length; at <= text.length; at++) {
    const whole = ends.filter((end) => end <= at).length - 1;
    const [there, isDamaged] = left(text.slice(HEADER.length, at));
    assertEquals([there.length, isDamaged], [whole === 4 ? 2 : whole, false]);
    assertEquals(readText(text.slice(0, at)).goodBytes, ends[whole]);
  }
});

Deno.test("a tail of garbage costs nothing that was flushed", () => {
  assertEquals(left(...LINES, "\0\0\0\0\n\0"), [[1, 2, 3], false]);
  assertEquals(left(...LINES, "deadbeef [\n"), [[1, 2, 3], false]);
});

Deno.test("whoever stood before a damaged line can't reclaim (RFC 8881 8.4.3)", () => {
  const [one, two, three] = LINES;
  const damaged = two.replace("sys", "syt");
  assertEquals(left(one, damaged, three), [[3], true]);
  assertEquals(left(one, two, damaged, damaged, three), [[3], true]);
  const isMarked = two.replace(" ", "x");
  assertEquals(left(one, isMarked, three), [[3], true]);
});

Deno.test("a newer format and a file of another kind are refused", () => {
  const newer = HEADER.replace("2", "3");
  assertThrows(() => readText(newer), Error, "newer version (format 3");
  for (const text of ["", HEADER.trimEnd(), "\n", "hello\n", `\n${HEADER}`]) {
    assertThrows(() => readText(text), Error, "journal is damaged");
  }
});

Deno.test("a slot is read back with its caller, whatever the uid", () => {
  const uids = [0, 1000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe];
  const callers = uids.map((uid) => `sys:${uid}`);
  for (const principal of [...callers, UNKNOWN.principal, "krb5:Zoë@ÅÄÖ"]) {
    const slot = {
      isAnswered: true,
      sequence: 7,
      length: 3,
      digest: -5,
      principal,
      reply: new Uint8Array([1, 2, 3]),
    };
    assertEquals(decodeSlot(new SlotEncoder().encode(slot)), slot);
  }
});

Deno.test("a slot of a store from before is read with its caller, who is a uid there", () => {
  for (
    const [uid, principal] of [
      [0, "sys:0"],
      [0xffff_fffe, "sys:4294967294"],
      [-1, "none"],
    ] as const
  ) {
    const bytes = new Uint8Array(23).fill(9);
    const view = new DataView(bytes.buffer);
    [3, 7, 5, -1, uid].forEach((word, i) => view.setInt32(4 * i, word));
    assertEquals(decodeSlot(bytes), {
      isAnswered: true,
      sequence: 7,
      length: 5,
      digest: -1,
      principal,
      reply: new Uint8Array(3).fill(9),
    });
  }
});

Deno.test("a client is kept with its party, and read where an older version kept none", () => {
  const client = new Client({
    id: 1n,
    protocol: 1,
    owner: Uint8Array.of(1),
    verifier: new Uint8Array(8),
    principal: "sys:0",
    party: "192.0.2.1",
    account: new StateBudget().account("192.0.2.1"),
    renewedAt: 0,
  });
  const kept = encodeClient(client);
  assertEquals(decodeClient(kept).party, "192.0.2.1");
  const older = kept.subarray(0, kept.length - 4 - 12);
  const { party, principal } = decodeClient(older);
  assertEquals([party, principal], ["", "sys:0"]);
});

const noFiles =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

Deno.test("two new identities have nothing in common", () => {
  const [one, other] = [newIdentity(systemRandom), newIdentity(systemRandom)];
  assertNotEquals(one.name, other.name);
  assertNotEquals(one.handleKey, other.handleKey);
});

Deno.test(
  "an identity is the same after a restart, and for nobody else to read",
  {
    ignore: noFiles,
  },
  async () => {
    const directory = `${Deno.makeTempDirSync()}/new`;
    const first = await loadIdentity(directory, systemRandom);
    assertEquals(await loadIdentity(directory, systemRandom), first);
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    assertEquals(names, ["identity.json"]);
    const { mode } = Deno.statSync(`${directory}/identity.json`);
    assertEquals(mode! & 0o777, 0o600);
    Deno.removeSync(directory, { recursive: true });
  },
);

Deno.test("a damaged identity is refused, not replaced", {
  ignore: noFiles,
}, async () => {
  const directory = Deno.makeTempDirSync();
  for (const text of ["", "null", "{}", '{"name":"x","handleKey":"00"}']) {
    Deno.writeTextFileSync(`${directory}/identity.json`, text);
    await assertRejects(
      () => loadIdentity(directory, systemRandom),
      Error,
      "damaged",
    );
  }
  Deno.removeSync(directory, { recursive: true });
});
