import { assert, assertEquals, assertThrows } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import {
  type CompoundReply,
  readAnyCompound,
} from "../support/client/compound.ts";
import { ExchangeFlag, SessionFlag } from "../support/client/ops_session.ts";
import { LockType } from "../support/client/ops_state.ts";
import type { Denied } from "../support/client/results_parts.ts";
import { readReply } from "../support/client/rpc.ts";
import {
  compounds,
  describeExchange,
  type Exchange,
  exchanges,
} from "./golden.ts";

function decode(bytes: Uint8Array, minorVersion: number): CompoundReply {
  const xdr = new XdrReader(bytes, 8);
  const outcome = readReply(xdr);
  assert(outcome.kind === "success", outcome.kind);
  return readAnyCompound(outcome.body, minorVersion).reply;
}

function find(
  minorVersion: number,
  wanted: (reply: CompoundReply) => boolean,
): CompoundReply {
  for (const exchange of compounds) {
    if (exchange.minorVersion !== minorVersion) continue;
    const reply = decode(exchange.reply, minorVersion);
    if (wanted(reply)) return reply;
  }
  throw new Error("no such reply in the golden records");
}

function spoiled(exchange: Exchange, spoil: (bytes: Uint8Array) => Uint8Array) {
  return () => decode(spoil(exchange.reply), exchange.minorVersion);
}

Deno.test("golden records cover the three minor versions and NULL", () => {
  for (const minorVersion of [0, 1, 2]) {
    const count = compounds.filter((each) =>
      each.minorVersion === minorVersion
    );
    assert(count.length > 30, `${count.length} of 4.${minorVersion}`);
  }
  assert(exchanges.some(({ header }) => header.procedure === 0));
});

Deno.test("every reply of a Linux server is read to its last byte", () => {
  const operations = new Set<string>();
  for (const exchange of compounds) {
    try {
      const reply = decode(exchange.reply, exchange.minorVersion);
      reply.results.forEach(({ name }) => operations.add(name));
    } catch (cause) {
      throw new Error(describeExchange(exchange), { cause });
    }
  }
  assertEquals(operations.size, 42);
});

Deno.test("a reply with a byte too many or too few is refused", () => {
  for (const exchange of compounds) {
    assertThrows(spoiled(exchange, (bytes) => {
      const longer = new Uint8Array(bytes.length + 4);
      longer.set(bytes);
      return longer;
    }));
    assertThrows(spoiled(exchange, (bytes) => bytes.slice(0, -4)));
  }
});

Deno.test("a COMPOUND status that is not its last operation's is refused", () => {
  for (const exchange of compounds) {
    assertThrows(spoiled(exchange, (bytes) => {
      const changed = bytes.slice();
      // RPC reply header of 24 bytes, then COMPOUND4res.status: NFS4ERR_PERM.
      new DataView(changed.buffer).setUint32(24, 1);
      return changed;
    }));
  }
});

Deno.test("EXCHANGE_ID and CREATE_SESSION of a Linux server mean what they say", () => {
  const exchanged = find(1, (reply) => reply.has("EXCHANGE_ID"))
    .get("EXCHANGE_ID");
  assertEquals(exchanged.protection, { how: "none" });
  assertEquals(
    exchanged.flags,
    ExchangeFlag.USE_PNFS_MDS | ExchangeFlag.SUPP_MOVED_REFER,
  );
  const created = find(1, (reply) => reply.has("CREATE_SESSION"))
    .get("CREATE_SESSION");
  assertEquals(created.flags, SessionFlag.CONN_BACK_CHAN);
  assertEquals(created.back, {
    headerpadsize: 0,
    maxrequestsize: 4096,
    maxresponsesize: 4096,
    maxresponsesize_cached: 0,
    maxoperations: 2,
    maxrequests: 16,
    rdma_ird: [],
  });
});

Deno.test("a delegation, a denied lock and a directory are read with their content", () => {
  for (const minorVersion of [0, 1, 2]) {
    const opened = find(
      minorVersion,
      (reply) =>
        reply.has("OPEN") && reply.get("OPEN").delegation.type === "read",
    );
    const { delegation } = opened.get("OPEN");
    assert(delegation.type === "read");
    assertEquals(delegation.stateid.seqid, 1);
    const listed = find(
      minorVersion,
      (reply) =>
        reply.has("READDIR") && reply.get("READDIR").entries.length > 3,
    );
    const names = listed.get("READDIR").entries.map(({ name }) => name);
    assertEquals(new Set(names).size, names.length);
  }
  const denied = find(2, (reply) => reply.status === Status.DENIED);
  assertEquals(denied.last!.name, "LOCK");
  const { length, type } = (denied.last!.value as { denied: Denied }).denied;
  // What Linux locks for fcntl, it locks up to 2^63.
  assertEquals([length, type], [1n << 63n, LockType.WRITE]);
});
