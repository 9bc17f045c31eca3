import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { checkName, writeName } from "../../src/engine/files/names.ts";
import { encodeRaw } from "../../src/base/raw_names.ts";
import { isName } from "../../src/vfs/names.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { Status } from "../../src/nfs4/constants.ts";

const check = (text: string, maxName?: number) =>
  checkName(new TextEncoder().encode(text), { maxName });

Deno.test("names come out as they went in", () => {
  for (const name of ["a", "...", ".a", "..a", "a b", "ä", "日本", "e\u0301"]) {
    assertEquals(check(name), name);
    assertStrictEquals(check(name), name);
  }
});

Deno.test("names of the same hash are told apart", () => {
  // 31 * "A" + "a" is 31 * "B" + "B".
  for (let i = 0; i < 3; i++) {
    assertEquals(check("Aa"), "Aa");
    assertEquals(check("BB"), "BB");
  }
});

Deno.test("a name is measured in bytes (RFC 8881 15.1.7)", () => {
  assertEquals(check("ää", 4), "ää");
  assertEquals(check("ää", 3), Status.NAMETOOLONG);
  assertEquals(check("x".repeat(256)), Status.NAMETOOLONG);
});

Deno.test("overlong and surrogate UTF-8 is INVAL (RFC 8881 14.5)", () => {
  const cases = [[0xc0, 0x80], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0x80]];
  for (const bytes of cases) {
    assertEquals(checkName(Uint8Array.from(bytes)), Status.INVAL);
  }
});

Deno.test("any bytes are a name where the file system takes them, and go out as they came in", () => {
  for (const bytes of [[0xff, 0xfe], [0x63, 0xe9], [0xc0, 0x80], [0x80]]) {
    const name = checkName(Uint8Array.from(bytes), { rawNames: true });
    if (typeof name === "number") throw new Error(`refused: ${name}`);
    const reply = new XdrWriter();
    writeName(reply, name);
    const read = new XdrReader(reply.subarray());
    assertEquals([...read.opaque(255)], bytes);
  }
  for (const bytes of [[0xff, 0x2f], [0xff, 0]]) {
    const name = checkName(Uint8Array.from(bytes), { rawNames: true });
    assertEquals(name, Status.BADCHAR);
  }
  const long = new Uint8Array(256).fill(0xff);
  assertEquals(checkName(long, { rawNames: true }), Status.NAMETOOLONG);
});

/** Of all kinds, around the lengths that are allowed. */
const NAMES = [
  ...[
    "",
    ".",
    "..",
    "a/b",
    "a\0b",
    "good",
    "...",
    "\ufeff",
    "\ufffd",
    "é",
    "€",
  ],
  ...["x".repeat(255), "x".repeat(256), "é".repeat(127), "é".repeat(128)],
  ...["€".repeat(85), "€".repeat(86), "😀".repeat(63), "😀".repeat(64)],
  ...[
    "\ud800x",
    "\udc00",
    "\udc80",
    "x\udcff",
    "\udcc3\udca9",
    "\udcff".repeat(3),
  ],
  ...["\udc80".repeat(255), "\udc80".repeat(256), "\udc80".repeat(4)],
];

Deno.test("a name may be listed where it can be asked for, and no other", () => {
  for (
    const limits of [{}, { rawNames: true }, { maxName: 3 }, {
      maxName: 3,
      rawNames: true,
    }]
  ) {
    for (const name of NAMES) {
      const canBeAsked = checkName(encodeRaw(name), limits) === name;
      const what = `${JSON.stringify(name)} ${JSON.stringify(limits)}`;
      assertEquals(isName(name, limits), canBeAsked, what);
    }
  }
  for (const none of [undefined, null, 5, ["x"]]) assert(!isName(none));
});
