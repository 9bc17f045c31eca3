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
import { CallSecurity } from "../../src/rpc/security.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";

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
