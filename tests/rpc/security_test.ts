import { assertEquals } from "@std/assert";
import { AuthStatus } from "../../src/rpc/auth.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { noneFlavor } from "../../src/rpc/auth_none.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import {
  CREDENTIAL_AT,
  type OpenedCall,
  type Seal,
  type SecurityFlavor,
  skipOpaque,
} from "../../src/rpc/security.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import type { XdrWriter } from "../../src/xdr/writer.ts";
import {
  echo,
  Peer,
  Procedure,
  PROGRAM,
  record,
  serve,
  TestHandlers,
  until,
  VERSION,
} from "./support.ts";

const FLAVOR = 300_001;
const KEY = 0x5a;
const TRAILER = 0x7fff_0001;
const user = { uid: 7, gid: 7, gids: [] };

function turned(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ KEY);
}

/** Arguments and results are turned; a call proves itself by its xid, and a reply by that and one more. */
class TurningFlavor implements SecurityFlavor {
  readonly flavor = FLAVOR;

  open(xdr: XdrReader, length: number): OpenedCall | AuthStatus {
    const header = new XdrReader(xdr.bytes, xdr.position - CREDENTIAL_AT);
    const xid = header.uint32();
    const purpose = new XdrReader(xdr.bytes, xdr.position).uint32();
    skipOpaque(xdr, length);
    if (xdr.uint32() !== FLAVOR || xdr.uint32() !== 4 || xdr.uint32() !== xid) {
      return AuthStatus.BADVERF;
    }
    const body = new XdrReader(
      turned(xdr.bytes.subarray(xdr.position, xdr.end)),
    );
    return {
      credential: sysCredential(user),
      seal: sealFor(xid),
      body,
      ...(purpose === 1 && {
        answer: (results: XdrWriter) => {
          results.string("own business");
          return Promise.resolve(AcceptStatus.SUCCESS);
        },
      }),
    };
  }
}

function sealFor(xid: number): Seal {
  return {
    headerSize: 32,
    overhead: 4,
    writeVerifier(reply) {
      reply.uint32(FLAVOR);
      reply.opaque(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, xid + 1));
    },
    seal(reply, at) {
      const results = reply.subarray(at);
      results.set(turned(results));
      reply.uint32(TRAILER);
    },
  };
}

function turning(
  xid: number,
  text: string,
  { procedure = Procedure.ECHO, purpose = 0, proof = xid } = {},
): Uint8Array<ArrayBuffer> {
  return record((xdr) => {
    for (const word of [xid, 0, 2, PROGRAM, VERSION, procedure]) {
      xdr.uint32(word);
    }
    for (const word of [FLAVOR, 4, purpose, FLAVOR, 4, proof]) xdr.uint32(word);
    const at = xdr.position;
    xdr.string(text);
    const args = xdr.subarray(at);
    args.set(turned(args));
  });
}

/** A reply of that flavour, taken apart: its status, and its results in clear. */
function opened(payload: Uint8Array): { xid: number; text: string | number } {
  const xdr = new XdrReader(payload);
  const xid = xdr.uint32();
  assertEquals([xdr.uint32(), xdr.uint32(), xdr.uint32()], [1, 0, FLAVOR]);
  assertEquals(xdr.opaque(8)[7], xid + 1);
  const status = xdr.uint32();
  if (status !== AcceptStatus.SUCCESS) {
    assertEquals(xdr.remaining, 0);
    return { xid, text: status };
  }
  const results = turned(payload.subarray(xdr.position, -4));
  const { buffer, byteOffset, length } = payload;
  const trailer = new DataView(buffer, byteOffset).getUint32(length - 4);
  assertEquals(trailer, TRAILER);
  return { xid, text: new XdrReader(results).string(100) };
}

async function withPeer(
  use: (peer: Peer, handlers: TestHandlers) => Promise<void>,
): Promise<void> {
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    introduce: () => ({ flavors: [new TurningFlavor(), noneFlavor] }),
  });
  using peer = await Peer.connect(listener);
  await use(peer, handlers);
}

Deno.test("a flavour opens calls and seals their replies, beside others", async () => {
  await withPeer(async (peer, handlers) => {
    await peer.send(turning(1, "one"), echo(2, "two"), turning(3, "three"));
    assertEquals(opened((await peer.receive())!), { xid: 1, text: "one" });
    assertEquals((await peer.reply()).results.string(100), "two");
    assertEquals(opened((await peer.receive())!), { xid: 3, text: "three" });
    assertEquals(handlers.calls[0]!.credential, sysCredential(user));
  });
});

Deno.test("a call that does not prove itself is denied", async () => {
  await withPeer(async (peer, handlers) => {
    await peer.send(turning(1, "x", { proof: 9 }));
    const { header } = await peer.reply();
    assertEquals(header, { accepted: false, authStatus: AuthStatus.BADVERF });
    assertEquals(handlers.calls, []);
  });
});

Deno.test("a status that is no success has the flavour's verifier, and nothing that would be sealed", async () => {
  await withPeer(async (peer) => {
    await peer.send(turning(1, "x", { procedure: Procedure.FAIL }));
    const system = { xid: 1, text: AcceptStatus.SYSTEM_ERR };
    assertEquals(opened((await peer.receive())!), system);
    await peer.send(turning(2, "x", { procedure: 99 }));
    const unavailable = { xid: 2, text: AcceptStatus.PROC_UNAVAIL };
    assertEquals(opened((await peer.receive())!), unavailable);
  });
});

Deno.test("what is a flavour's own business it answers itself", async () => {
  await withPeer(async (peer, handlers) => {
    await peer.send(turning(1, "x", { purpose: 1 }));
    const own = { xid: 1, text: "own business" };
    assertEquals(opened((await peer.receive())!), own);
    assertEquals(handlers.calls, []);
  });
});

Deno.test("a reply that relies on something is sealed when that is settled, as is its refusal", async () => {
  await withPeer(async (peer, handlers) => {
    const gate = Promise.withResolvers<void>();
    const good = { settle: () => gate.promise };
    const bad = { settle: () => Promise.reject(new Error("disk")) };
    const { call: answer } = handlers;
    handlers.call = (call, results, connection) => {
      call.reliance = {
        settlers: [call.xid % 2 === 0 ? bad : good],
        settled: () => {},
        refuse: (_failures, reply) => {
          const text = new XdrReader(reply!.written).string(100);
          reply!.results.string(`not ${text}`);
        },
      };
      return answer(call, results, connection);
    };
    await peer.send(turning(1, "one"), turning(2, "two"), echo(3, "three"));
    await until(() => handlers.calls.length === 3);
    gate.resolve();
    assertEquals(opened((await peer.receive())!), { xid: 1, text: "one" });
    assertEquals(opened((await peer.receive())!), { xid: 2, text: "not two" });
    assertEquals((await peer.reply()).results.string(100), "three");
    await peer.send(turning(5, "five"));
    assertEquals(opened((await peer.receive())!), { xid: 5, text: "five" });
  });
});
