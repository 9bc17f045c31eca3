import { assert, assertEquals, assertThrows } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { CallbackPeer } from "../support/client/callback_peer.ts";
import { CallbackSession } from "../support/client/callback_session.ts";
import {
  type CallbackCompound,
  readCallbackCompound,
  readCallbackResult,
} from "../support/client/callback_wire.ts";
import {
  type CompoundReply,
  readAnyCompound,
} from "../support/client/compound.ts";
import { ExchangeFlag, SessionFlag } from "../support/client/ops_session.ts";
import { LockType } from "../support/client/ops_state.ts";
import type { Denied } from "../support/client/results_parts.ts";
import { readReply } from "../support/client/rpc.ts";
import {
  callbacks,
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

const cbCompounds = callbacks.filter(({ header }) => header.procedure === 1);

function decodeCallback(exchange: Exchange): CallbackCompound {
  return readCallbackCompound(new XdrReader(exchange.call, exchange.argsAt));
}

/** A peer that expects this callback, as the client that received it did. */
function peerFor(exchange: Exchange, slots: number): CallbackPeer {
  const compound = decodeCallback(exchange);
  const peer = new CallbackPeer({
    v40: { program: 0x40000000, ident: compound.ident },
    // knfsd takes uid and gid from csa_sec_parms, and its own name.
    credentials: "ids",
  });
  for (const { op, args } of compound.ops) {
    if (op === "SEQUENCE") {
      peer.addSession(
        new CallbackSession({
          sessionid: args.sessionid,
          minorVersion: exchange.minorVersion,
          program: 0x40000000,
          security: [{
            flavor: "sys",
            credential: {
              stamp: 0,
              machine: "client",
              uid: 0,
              gid: 0,
              gids: [],
            },
          }],
          channel: {
            headerpadsize: 0,
            maxrequestsize: 4096,
            maxresponsesize: 4096,
            maxresponsesize_cached: 0,
            maxoperations: 2,
            maxrequests: slots,
            rdma_ird: [],
          },
        }),
      );
    }
    if (op === "RECALL") {
      peer.delegations.hold(args.filehandle, {
        type: "read",
        stateid: args.stateid,
        recall: false,
        permissions: { type: 0, flag: 0, mask: 0, who: "" },
      });
    }
  }
  return peer;
}

function answerOf(peer: CallbackPeer, call: Uint8Array): Uint8Array {
  const sent: Uint8Array[] = [];
  peer.accept({ bytes: call, fragments: 1 }, {
    send: (bytes) => Promise.resolve(void sent.push(bytes)),
    close: () => {},
  });
  assertEquals(sent.length, 1);
  return sent[0]!;
}

Deno.test("the callbacks of a Linux server are read to their last byte", () => {
  assertEquals(
    cbCompounds.map((exchange) => [
      exchange.minorVersion,
      decodeCallback(exchange).ops.map(({ op }) => op).join(" "),
    ]),
    [
      [0, "RECALL"],
      [1, "SEQUENCE RECALL"],
      [2, "SEQUENCE RECALL"],
      [2, "SEQUENCE NOTIFY_LOCK"],
    ],
  );
  for (const exchange of cbCompounds) {
    const { tag, minorVersion, ident, ops } = decodeCallback(exchange);
    assertEquals(tag.length, 0);
    assertEquals(minorVersion, exchange.minorVersion);
    assertEquals(ident, minorVersion === 0 ? 1 : 0);
    assertEquals(exchange.header.version, 1);
    assertEquals(exchange.header.program, 0x40000000);
    const recall = ops.find(({ op }) => op === "RECALL");
    if (recall?.op === "RECALL") {
      assertEquals(recall.args.truncate, false);
      assertEquals(recall.args.stateid.seqid, 1);
      assertEquals(recall.args.filehandle.length, 20);
    }
  }
});

Deno.test("the strict peer answers a Linux server as the Linux client did, byte for byte", () => {
  for (const exchange of callbacks) {
    const slots = exchange.header.procedure === 0 ? 1 : slotsOf(exchange);
    const peer = exchange.header.procedure === 0
      ? new CallbackPeer({ v40: { program: 0x40000000, ident: 1 } })
      : peerFor(exchange, slots);
    const answer = answerOf(peer, exchange.call);
    peer.assertClean();
    assertEquals(answer, exchange.reply, describeExchange(exchange));
  }
});

Deno.test("the strict peer minds each byte of a Linux server's callback", () => {
  for (const exchange of cbCompounds) {
    let unheeded = 0;
    for (let at = 8; at < exchange.call.length; at++) {
      const changed = exchange.call.slice();
      changed[at]! ^= 0x40;
      const peer = peerFor(exchange, slotsOf(exchange));
      const sent: Uint8Array[] = [];
      peer.accept({ bytes: changed, fragments: 1 }, {
        send: (bytes) => Promise.resolve(void sent.push(bytes)),
        close: () => {},
      });
      const isSame = sent.length === 1 &&
        sent[0]!.every((byte, i) => byte === exchange.reply[i]);
      if (isSame && peer.violations.length === 0) unheeded++;
    }
    // Stamp and machine name are the server's own, in NFSv4.0 the ids as well;
    // what CB_NOTIFY_LOCK names is opaque to the peer. All else is noticed.
    const ids = exchange.minorVersion === 0 ? 8 : 0;
    const owned = 4 + 13 + ids + opaqueBytes(exchange);
    assertEquals(unheeded, owned, describeExchange(exchange));
  }
});

function opaqueBytes(exchange: Exchange): number {
  const notify = decodeCallback(exchange).ops.find(({ op }) =>
    op === "NOTIFY_LOCK"
  );
  return notify?.op === "NOTIFY_LOCK"
    ? notify.args.filehandle.length + 8 + notify.args.owner.owner.length
    : 0;
}

/** Slots of the back channel, as the client's answer gives them away. */
function slotsOf(exchange: Exchange): number {
  if (exchange.minorVersion === 0) return 1;
  const xdr = new XdrReader(exchange.reply, 8);
  const outcome = readReply(xdr);
  assert(outcome.kind === "success");
  const at = outcome.body.position;
  readCallbackResult(new XdrReader(exchange.reply, at));
  // status, tag, count, opnum, status, sessionid, seqid, slotid: 44 bytes.
  return new DataView(exchange.reply.buffer).getUint32(at + 44) + 1;
}
