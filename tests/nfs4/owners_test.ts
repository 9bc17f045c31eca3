import { assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { parseOwner } from "../../src/nfs4/owners.ts";

const parse = (text: string) => parseOwner(new TextEncoder().encode(text));

Deno.test("owners are decimal numbers of 0 to 2^32 - 2 (RFC 7530 5.9, RFC 8881 5.9)", () => {
  assertEquals(parse("0"), { id: 0 });
  assertEquals(parse("1000"), { id: 1000 });
  assertEquals(parse("4294967294"), { id: 4_294_967_294 });
});

Deno.test("what can't be mapped is BADOWNER (RFC 8881 15.1.15.2)", () => {
  const unknown = [
    ...["root", "nobody", "root@localdomain", "1000@localdomain"],
    ...["01", "00", "-1", "+1", " 1", "1 ", "1.0", "0x1", "ä"],
    ...["4294967295", "4294967296", "1".repeat(400)],
  ];
  for (const text of unknown) {
    assertEquals(parse(text), Status.BADOWNER, text);
  }
});

Deno.test("no string at all, or none of UTF-8, is INVAL (RFC 8881 15.1.7)", () => {
  assertEquals(parse(""), Status.INVAL);
  assertEquals(parseOwner(Uint8Array.of(0x31, 0xff)), Status.INVAL);
});
