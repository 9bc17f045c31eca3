import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { AuthFlavor, AuthStatus, UNKNOWN } from "../../src/rpc/auth.ts";
import { noneFlavor } from "../../src/rpc/auth_none.ts";
import { sysCredential, SysFlavor } from "../../src/rpc/auth_sys.ts";
import {
  AUTH_NONE,
  type CallCredential,
  type CallSys,
  writeCredential,
} from "../../src/rpc/call_credential.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import {
  CallSecurity,
  CREDENTIAL_AT,
  type OpenedCall,
  type Seal,
  type SecurityFlavor,
  skipOpaque,
} from "../../src/rpc/security.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
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

const root: CallSys = {
  flavor: AuthFlavor.SYS,
  stamp: 0,
  machineName: "guest",
  uid: 0,
  gid: 0,
  gids: [0, 1, 27],
};

/** Who the caller with a credential is. */
function callerOf({ uid, gid, gids }: CallSys) {
  return sysCredential({ uid, gid, gids });
}

/** Reads the credentials of one connection. */
class Reader {
  readonly #security = new CallSecurity([new SysFlavor(), noneFlavor]);

  read(xdr: XdrReader) {
    const opened = this.#security.open(xdr);
    return typeof opened === "number" ? opened : opened.credential;
  }
}

function encoded(credential: CallCredential): XdrReader {
  const xdr = new XdrWriter();
  writeCredential(xdr, credential);
  writeCredential(xdr, AUTH_NONE);
  return new XdrReader(xdr.slice());
}

/** A credential of any flavor and body, with a verifier of `verifierFlavor`. */
function raw(flavor: number, body: Uint8Array, verifierFlavor = 0): XdrReader {
  const xdr = new XdrWriter();
  xdr.uint32(flavor);
  xdr.opaque(body);
  xdr.uint32(verifierFlavor);
  xdr.uint32(0);
  return new XdrReader(xdr.slice());
}

function sysBody(write: (xdr: XdrWriter) => void): Uint8Array {
  const xdr = new XdrWriter();
  xdr.uint32(1);
  write(xdr);
  return xdr.slice();
}

Deno.test("AUTH_SYS gives the caller's numbers and stands behind the verifier", () => {
  const xdr = encoded(root);
  assertEquals(new Reader().read(xdr), callerOf(root));
  assertEquals(xdr.remaining, 0);
});

Deno.test("AUTH_NONE is one value, whatever it carries", () => {
  const reader = new Reader();
  assertStrictEquals(reader.read(encoded(AUTH_NONE)), UNKNOWN);
  const xdr = raw(AuthFlavor.NONE, new Uint8Array(7).fill(9));
  assertStrictEquals(reader.read(xdr), UNKNOWN);
  assertEquals(xdr.remaining, 0);
});

Deno.test("a user or group of -1, which nobody has, is an unknown caller", () => {
  const none = 0xffff_ffff;
  for (const ids of [{ uid: none }, { gid: none }, { uid: none, gid: none }]) {
    assertStrictEquals(
      new Reader().read(encoded({ ...root, ...ids })),
      UNKNOWN,
    );
  }
  const caller = new Reader().read(encoded({ ...root, gids: [5, none, 7] }));
  assertEquals(caller, callerOf({ ...root, gids: [5, 7] }));
});

Deno.test("the same caller is the same object, whatever the stamp", () => {
  const reader = new Reader();
  const first = reader.read(encoded({ ...root, stamp: 1 }));
  const other = reader.read(encoded({ ...root, uid: 1, stamp: 1 }));
  assertEquals(other, callerOf({ ...root, uid: 1 }));
  assertStrictEquals(reader.read(encoded({ ...root, stamp: 2 })), first);
  assertStrictEquals(
    reader.read(encoded({ ...root, uid: 1, stamp: 3 })),
    other,
  );
});

Deno.test("many callers are told apart, and forgotten in the order of their use", () => {
  const reader = new Reader();
  const frequent = reader.read(encoded(root));
  for (let uid = 1; uid <= 100; uid++) {
    const caller = { ...root, uid };
    assertEquals(reader.read(encoded(caller)), callerOf(caller));
    assertStrictEquals(reader.read(encoded(root)), frequent);
  }
});

Deno.test("a caller remembered is not taken from bytes behind the record", () => {
  const reader = new Reader();
  const { bytes } = encoded(root);
  reader.read(new XdrReader(bytes));
  assertThrows(() => reader.read(new XdrReader(bytes, 0, 20)), XdrError);
});

Deno.test("16 groups and a name of 255 bytes are the most", () => {
  const most: CallSys = {
    ...root,
    machineName: "m".repeat(255),
    gids: Array.from({ length: 16 }, (_, i) => i),
  };
  assertEquals(new Reader().read(encoded(most)), callerOf(most));
  const tooMany = { ...root, gids: new Array(17).fill(1) };
  const tooLong = { ...root, machineName: "m".repeat(256) };
  for (const credential of [tooMany, tooLong]) {
    assertEquals(
      new Reader().read(encoded(credential)),
      AuthStatus.BADCRED,
    );
  }
});

Deno.test("an AUTH_SYS body that doesn't parse is a bad credential", () => {
  const bodies = [
    new Uint8Array(0),
    new Uint8Array(3),
    sysBody((xdr) => xdr.string("x")),
    sysBody((xdr) => xdr.uint32(0xffff_ffff)),
    sysBody((xdr) => {
      xdr.string("x");
      for (const word of [1, 2, 0, /* left over */ 5]) xdr.uint32(word);
    }),
  ];
  for (const body of bodies) {
    const reader = new Reader();
    assertEquals(reader.read(raw(AuthFlavor.SYS, body)), AuthStatus.BADCRED);
  }
});

Deno.test("a machine name that is not UTF-8 is no reason to refuse", () => {
  const body = sysBody((xdr) => {
    xdr.opaque(new Uint8Array([0xff, 65]));
    for (const word of [1, 2, 0]) xdr.uint32(word);
  });
  const credential = new Reader().read(raw(AuthFlavor.SYS, body));
  assertEquals(credential, sysCredential({ uid: 1, gid: 2, gids: [] }));
});

Deno.test("flavors that are not served are refused with their own status", () => {
  const statuses = [
    [AuthFlavor.SHORT, AuthStatus.REJECTEDCRED],
    [AuthFlavor.DH, AuthStatus.TOOWEAK],
    [AuthFlavor.RPCSEC_GSS, AuthStatus.TOOWEAK],
    [390003, AuthStatus.TOOWEAK],
  ] as const;
  for (const [flavor, status] of statuses) {
    const xdr = raw(flavor, new Uint8Array(20));
    assertEquals(new Reader().read(xdr), status);
  }
});

Deno.test("a body above 400 bytes and a verifier of another flavor are refused", () => {
  const read = (xdr: XdrReader) => new Reader().read(xdr);
  assertEquals(read(raw(0, new Uint8Array(401))), AuthStatus.BADCRED);
  assertEquals(read(raw(0, new Uint8Array(400))), UNKNOWN);
  assertEquals(
    read(raw(0, new Uint8Array(0), AuthFlavor.RPCSEC_GSS)),
    AuthStatus.BADVERF,
  );
});
