import { assert, assertEquals } from "@std/assert";
import { XdrReader } from "../../src/xdr/reader.ts";
import { CallbackPeer } from "../support/client/callback_peer.ts";
import { CallbackSession } from "../support/client/callback_session.ts";
import {
  type CallbackCompound,
  readCallbackCompound,
  readCallbackResult,
} from "../support/client/callback_wire.ts";
import { readReply } from "../support/client/rpc.ts";
import { callbacks, describeExchange, type Exchange } from "./golden.ts";

const cbCompounds = callbacks.filter(({ header }) => header.procedure === 1);

function decode(exchange: Exchange): CallbackCompound {
  return readCallbackCompound(new XdrReader(exchange.call, exchange.argsAt));
}

/** A peer that expects this callback, as the client that received it did. */
function peerFor(exchange: Exchange, slots: number): CallbackPeer {
  const compound = decode(exchange);
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
      decode(exchange).ops.map(({ op }) => op).join(" "),
    ]),
    [
      [0, "RECALL"],
      [1, "SEQUENCE RECALL"],
      [2, "SEQUENCE RECALL"],
      [2, "SEQUENCE NOTIFY_LOCK"],
    ],
  );
  for (const exchange of cbCompounds) {
    const { tag, minorVersion, ident, ops } = decode(exchange);
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
  const notify = decode(exchange).ops.find(({ op }) => op === "NOTIFY_LOCK");
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
