import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AUTH_NONE,
  AuthFlavor,
  AuthStatus,
  type Credential,
  CredentialReader,
  writeCredential,
} from "../../src/rpc/auth.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";

const root: Credential = {
  flavor: AuthFlavor.SYS,
  machineName: "guest",
  uid: 0,
  gid: 0,
  gids: [0, 1, 27],
};

function encoded(credential: Credential, stamp = 0): XdrReader {
  const xdr = new XdrWriter();
  writeCredential(xdr, credential);
  if (credential.flavor === AuthFlavor.SYS) xdr.patchUint32(8, stamp);
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
  assertEquals(new CredentialReader().read(xdr), root);
  assertEquals(xdr.remaining, 0);
});

Deno.test("AUTH_NONE is one value, whatever it carries", () => {
  const reader = new CredentialReader();
  assertStrictEquals(reader.read(encoded(AUTH_NONE)), AUTH_NONE);
  const xdr = raw(AuthFlavor.NONE, new Uint8Array(7).fill(9));
  assertStrictEquals(reader.read(xdr), AUTH_NONE);
  assertEquals(xdr.remaining, 0);
});

Deno.test("the same caller is the same object, whatever the stamp", () => {
  const reader = new CredentialReader();
  const first = reader.read(encoded(root, 1));
  const other = reader.read(encoded({ ...root, uid: 1 }, 1));
  assertEquals(other, { ...root, uid: 1 });
  assertStrictEquals(reader.read(encoded(root, 2)), first);
  assertStrictEquals(reader.read(encoded({ ...root, uid: 1 }, 3)), other);
});

Deno.test("many callers are told apart, and forgotten in the order of their use", () => {
  const reader = new CredentialReader();
  const frequent = reader.read(encoded(root));
  for (let uid = 1; uid <= 100; uid++) {
    assertEquals(reader.read(encoded({ ...root, uid })), { ...root, uid });
    assertStrictEquals(reader.read(encoded(root)), frequent);
  }
});

Deno.test("a caller remembered is not taken from bytes behind the record", () => {
  const reader = new CredentialReader();
  const { bytes } = encoded(root);
  reader.read(new XdrReader(bytes));
  assertThrows(() => reader.read(new XdrReader(bytes, 0, 20)), XdrError);
});

Deno.test("16 groups and a name of 255 bytes are the most", () => {
  const most: Credential = {
    ...root,
    machineName: "m".repeat(255),
    gids: Array.from({ length: 16 }, (_, i) => i),
  };
  assertEquals(new CredentialReader().read(encoded(most)), most);
  const tooMany = { ...root, gids: new Array(17).fill(1) };
  const tooLong = { ...root, machineName: "m".repeat(256) };
  for (const credential of [tooMany, tooLong]) {
    assertEquals(
      new CredentialReader().read(encoded(credential)),
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
    const reader = new CredentialReader();
    assertEquals(reader.read(raw(AuthFlavor.SYS, body)), AuthStatus.BADCRED);
  }
});

Deno.test("a machine name that is not UTF-8 is no reason to refuse", () => {
  const body = sysBody((xdr) => {
    xdr.opaque(new Uint8Array([0xff, 65]));
    for (const word of [1, 2, 0]) xdr.uint32(word);
  });
  const credential = new CredentialReader().read(raw(AuthFlavor.SYS, body));
  assertEquals(credential, {
    flavor: AuthFlavor.SYS,
    machineName: "\ufffdA",
    uid: 1,
    gid: 2,
    gids: [],
  });
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
    assertEquals(new CredentialReader().read(xdr), status);
  }
});

Deno.test("a body above 400 bytes and a verifier of another flavor are refused", () => {
  const read = (xdr: XdrReader) => new CredentialReader().read(xdr);
  assertEquals(read(raw(0, new Uint8Array(401))), AuthStatus.BADCRED);
  assertEquals(read(raw(0, new Uint8Array(400))), AUTH_NONE);
  assertEquals(
    read(raw(0, new Uint8Array(0), AuthFlavor.RPCSEC_GSS)),
    AuthStatus.BADVERF,
  );
});
