import { assertEquals, assertThrows } from "@std/assert";
import { equals } from "@std/bytes";
import {
  CALLBACK_OPERATIONS,
  type CallbackOperation,
  callbackOperation,
} from "../../src/backchannel/callback_ops.ts";
import {
  type CallbackTarget,
  decodeCBCompound,
  encodeCBCompound,
  encodeCBNull,
} from "../../src/backchannel/callback_wire.ts";
import { type MinorVersion, Status } from "../../src/nfs4/constants.ts";
import { encodeNotice, NotifyType } from "../../src/nfs4/notifications.ts";
import { AuthFlavor } from "../../src/rpc/auth.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { readCallbackCompound } from "../support/client/callback_wire.ts";
import { hex, unhex } from "../support/client/names.ts";
import { callbacks, describeExchange } from "../wire/golden.ts";

const target: CallbackTarget = {
  program: 0x4000_0000,
  credential: {
    flavor: AuthFlavor.SYS,
    stamp: 0x5eed,
    machineName: "guest",
    uid: 0,
    gid: 7,
    gids: [1, 2],
  },
  minorVersion: 1,
  callbackIdent: 0,
};
const sessionId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
const sequence = callbackOperation(CALLBACK_OPERATIONS.CB_SEQUENCE, {
  sessionId,
  seqid: 9,
  slot: 2,
  highestSlot: 3,
  referringCalls: [{ sessionId, calls: [{ seqid: 0x1234, slot: 5 }] }],
});
const recall = callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, {
  stateid: { seqid: 1, other: Uint8Array.from({ length: 12 }, (_, i) => i) },
  truncate: false,
  handle: Uint8Array.of(1, 2, 3, 4, 5),
});

/** The bytes of a call, in hexadecimal. */
function encoded(write: (xdr: XdrWriter) => void): string {
  const xdr = new XdrWriter(64);
  write(xdr);
  return hex(xdr.subarray(0, xdr.position));
}

/** Hexadecimal with blanks and remarks. */
function bytes(text: string): string {
  return text.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, "");
}

const CALL = bytes(`
  0000002a 00000000 00000002         # xid 42, CALL, RPC version 2
  40000000 00000001 00000001         # program, version 1, CB_COMPOUND
  00000001 00000024                  # AUTH_SYS, 36 bytes
  00005eed 00000005 6775657374000000 # stamp, "guest"
  00000000 00000007                  # uid, gid
  00000002 00000001 00000002         # gids
  00000000 00000000                  # verifier: AUTH_NONE
  00000000                           # empty tag
`);
const RECALL = bytes(`
  00000004                           # CB_RECALL
  00000001 000102030405060708090a0b  # stateid
  00000000                           # truncate
  00000005 0102030405000000          # filehandle
`);

Deno.test("encodeCBCompound writes the v4.1 wire format", () => {
  const call = { target, operations: [sequence, recall] };
  assertEquals(
    encoded((xdr) => encodeCBCompound(xdr, 42, call)),
    CALL + bytes(`
      00000001 00000000                  # minorversion, callback_ident
      00000002                           # two operations
      0000000b                           # CB_SEQUENCE
      a0a1a2a3a4a5a6a7a8a9aaabacadaeaf   # session
      00000009 00000002 00000003         # seqid, slot, highest slot
      00000000                           # cachethis
      00000001                           # one list of referring calls
      a0a1a2a3a4a5a6a7a8a9aaabacadaeaf   # session
      00000001 00001234 00000005         # one call: seqid, slot
    `) + RECALL,
  );
});

Deno.test("encodeCBCompound writes the v4.0 wire format, with the client's own ident", () => {
  const v40 = { ...target, minorVersion: 0, callbackIdent: 0x1d } as const;
  const call = { target: v40, operations: [recall] };
  assertEquals(
    encoded((xdr) => encodeCBCompound(xdr, 42, call)),
    CALL + bytes("00000000 0000001d 00000001") + RECALL,
  );
});

Deno.test("encodeCBCompound carries the minor version of the session", () => {
  const call = {
    target: { ...target, minorVersion: 2 },
    operations: [],
  } as const;
  assertEquals(
    encoded((xdr) => encodeCBCompound(xdr, 42, call)),
    CALL + bytes("00000002 00000000 00000000"),
  );
});

Deno.test("CB_NULL is a header alone", () => {
  const none = { ...target, credential: { flavor: AuthFlavor.NONE } } as const;
  assertEquals(
    encoded((xdr) => encodeCBNull(xdr, 1, none)),
    bytes(`00000001 00000000 00000002 40000000 00000001 00000000
      00000000 00000000 00000000 00000000`),
  );
});

Deno.test("CB_GETATTR asks for change and size, and with timestamps for times (RFC 9754), and reads nothing else", () => {
  const { CB_GETATTR } = CALLBACK_OPERATIONS;
  const handle = Uint8Array.of(1, 2, 3, 4);
  assertEquals(
    encoded((xdr) => CB_GETATTR.encode(xdr, { handle, isTimed: false })),
    bytes("00000004 01020304 00000001 00000018"),
  );
  assertEquals(
    encoded((xdr) => CB_GETATTR.encode(xdr, { handle, isTimed: true })),
    bytes("00000004 01020304 00000003 00000018 00000000 00300000"),
  );
  const answer = bytes(
    "00000001 00000018 00000010 0000000000000011 0000000000000400",
  );
  assertEquals(
    CB_GETATTR.decode(new XdrReader(unhex(answer))),
    { change: 17n, size: 1024, atime: undefined, mtime: undefined },
  );
  const timed = bytes(
    `00000003 00000018 00000000 00200000 0000001c 0000000000000011
     0000000000000400 0000000000000005 00000006`,
  );
  assertEquals(
    CB_GETATTR.decode(new XdrReader(unhex(timed))),
    {
      ...{ change: 17n, size: 1024, atime: undefined },
      mtime: { seconds: 5, nanoseconds: 6 },
    },
  );
  const wrong = [
    "00000001 0000001a 00000014 00000001 0000000000000011 0000000000000400",
    `00000003 00000018 00000000 00000001 00000014 0000000000000011
     0000000000000400 00000000`,
    `00000003 00000018 00000000 00200000 0000001c 0000000000000011
     0000000000000400 0000000000000005 3b9aca00`,
  ];
  for (const each of wrong) {
    const xdr = new XdrReader(unhex(bytes(each)));
    assertThrows(() => CB_GETATTR.decode(xdr), XdrError);
  }
});

Deno.test("CB_RECALL_ANY says how many of which types may be kept (RFC 8881 20.6.1)", () => {
  const { row, args } = callbackOperation(CALLBACK_OPERATIONS.CB_RECALL_ANY, {
    keep: 7_500,
    types: 5,
  });
  assertEquals(row.number, 8);
  assertEquals(
    encoded((xdr) => row.encode(xdr, args)),
    bytes(`
      00001d4c                       # craa_objects_to_keep
      00000001 00000005              # files for reading, and folders
    `),
  );
});

Deno.test("CB_RECALL_SLOT says the highest slot to use (RFC 8881 20.8.1)", () => {
  const { CB_RECALL_SLOT } = CALLBACK_OPERATIONS;
  assertEquals(CB_RECALL_SLOT.number, 10);
  assertEquals(
    encoded((xdr) => CB_RECALL_SLOT.encode(xdr, { target: 31 })),
    "0000001f",
  );
});

Deno.test("CB_NOTIFY carries a notify4 for each change (RFC 8881 20.4.1)", () => {
  const place = { name: "old", cookie: 7 };
  const attributes = Uint8Array.of(
    ...[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 2],
  );
  const added = {
    ...{ name: "new", cookie: 9, attributes, isLast: true },
    ...{ replaced: undefined, previous: place },
  };
  const over = { ...added, replaced: place, previous: undefined };
  const changes = [
    encodeNotice({ type: NotifyType.ADD_ENTRY, added }),
    encodeNotice({ type: NotifyType.REMOVE_ENTRY, old: place }),
    encodeNotice({ type: NotifyType.RENAME_ENTRY, old: place, added: over }),
  ];
  const { row, args } = callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY, {
    stateid: { seqid: 1, other: new Uint8Array(12) },
    handle: Uint8Array.of(1, 2, 3, 4, 5),
    changes,
  });
  assertEquals(row.number, 6);
  const OLD = `
    00000003 6f6c6400                # ne_file "old"
    00000000 00000000                # ne_attrs: none
    00000000 00000007                # its cookie`;
  const NEW = `
    00000003 6e657700                # ne_file "new"
    00000001 00000002 00000004 00000002 # ne_attrs: type, a folder
    00000001 00000000 00000009       # nad_new_entry_cookie`;
  assertEquals(
    encoded((xdr) => row.encode(xdr, args)),
    bytes(`
      00000001 00000000 00000000 00000000 # cna_stateid
      00000005 01020304 05000000     # cna_fh
      00000003
      00000001 00000008              # NOTIFY4_ADD_ENTRY
      00000048
      00000000                       # nad_old_entry
      ${NEW}
      00000001 ${OLD}                # nad_prev_entry
      00000001                       # nad_last_entry
      00000001 00000004              # NOTIFY4_REMOVE_ENTRY
      00000018
      ${OLD}
      00000001 00000010              # NOTIFY4_RENAME_ENTRY
      00000060
      ${OLD}
      00000001 ${OLD}                # nad_old_entry
      ${NEW}
      00000000                       # nad_prev_entry
      00000001                       # nad_last_entry
    `),
  );
});

Deno.test("decodeCBCompound reads CB_SEQUENCE in full, and what the client denies", () => {
  const operations: CallbackOperation[] = [sequence, recall];
  const read = (text: string) =>
    decodeCBCompound(new XdrReader(unhex(bytes(text))), operations);
  const ACCEPTED = "00000000 00000000 00000000 00000000"; // accepted, AUTH_NONE, SUCCESS
  assertEquals(
    read(`${ACCEPTED} 00002729 00000000 00000002
      0000000b 00000000 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
      00000009 00000002 00000003 00000001
      00000004 00002729`),
    {
      status: Status.BAD_STATEID,
      results: [
        {
          status: 0,
          value: {
            sessionId,
            seqid: 9,
            slot: 2,
            highestSlot: 3,
            targetHighestSlot: 1,
          },
        },
        { status: Status.BAD_STATEID },
      ],
    },
  );
  // MSG_DENIED, AUTH_ERROR, AUTH_TOOWEAK
  assertEquals(read("00000001 00000001 00000005"), {
    refused: "denied: auth_stat 5",
  });
  // MSG_DENIED, RPC_MISMATCH, 2 to 2
  assertEquals(read("00000001 00000000 00000002 00000002"), {
    refused: "denied: RPC version",
  });
  // PROG_UNAVAIL
  assertEquals(read("00000000 00000000 00000000 00000001"), {
    refused: "accept_stat 1",
  });
  // More results than operations, and another operation's result.
  assertThrows(() => read(`${ACCEPTED} 00000000 00000000 00000003`), XdrError);
  assertThrows(
    () => read(`${ACCEPTED} 00000000 00000000 00000001 00000004 00000000`),
    XdrError,
  );
});

Deno.test("encodeCBCompound writes what Linux's server sent to Linux's client", () => {
  let compared = 0;
  for (const exchange of callbacks) {
    if (exchange.header.procedure !== 1) continue;
    const xdr = new XdrReader(exchange.call, exchange.argsAt);
    const compound = readCallbackCompound(xdr);
    const operations = compound.ops.flatMap(({ op, args }) => {
      if (op === "SEQUENCE") {
        return [
          callbackOperation(CALLBACK_OPERATIONS.CB_SEQUENCE, {
            sessionId: args.sessionid,
            seqid: args.sequenceid,
            slot: args.slotid,
            highestSlot: args.highestSlotid,
            referringCalls: [],
          }),
        ];
      }
      if (op !== "RECALL") return [];
      return [
        callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, {
          stateid: args.stateid,
          truncate: args.truncate,
          handle: args.filehandle,
        }),
      ];
    });
    if (operations.length !== compound.ops.length) continue;
    const text = encoded((xdr) =>
      encodeCBCompound(xdr, exchange.xid, {
        target: {
          ...target,
          minorVersion: compound.minorVersion as MinorVersion,
          callbackIdent: compound.ident,
        },
        operations,
      })
    );
    // Their credential is their own.
    const ours = unhex(text);
    const args = ours.subarray(CALL.length / 2 - 4);
    const theirs = exchange.call.subarray(exchange.argsAt);
    assertEquals(equals(args, theirs), true, describeExchange(exchange));
    compared++;
  }
  assertEquals(compared >= 3, true);
});
