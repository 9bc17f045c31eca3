import { assertEquals } from "@std/assert";
import { keyOfRow, rowKeys, userOfRow } from "../../src/host/socket_table.ts";

const V4 =
  " 639: 0100007F:8DBC 0100007F:0801 01 00000000:00000000 00:00000000 00000000  1000        0 122317 2 00000000938b1b38 20 0 0 10 -1                    ";
const MAPPED =
  "   1: 0000000000000000FFFF00000100007F:8DBC 0000000000000000FFFF00000100007F:0801 01 00000000:00000000 00:00000000 00000000   109        0 122318 1 0000000033c7a53f 20 0 0 10 -1";
const V6 =
  "12345: B80D01200000000000000000010000FF:BF4C 00000000000000000000000001000000:0801 08 00000000:00000000 00:00000000 00000000     0        0 123113 2 0000000069d92e93 20 0 0 10 -1";
const TIME_WAIT =
  " 639: 0100007F:8DBC 0100007F:0801 06 00000000:00000000 03:0000176E 00000000     0        0 0 3 00000000cd0d4fb8                                      ";
const HEADING =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ";

Deno.test("a row is found by its two ends, in the table of IPv4 or mapped in that of IPv6", () => {
  const ends = [
    { hostname: "127.0.0.1", port: 0x8dbc },
    { hostname: "127.0.0.1", port: 2049 },
  ] as const;
  assertEquals(rowKeys(...ends), [keyOfRow(V4), keyOfRow(MAPPED)] as string[]);
  // A server on "::" sees IPv4 as mapped.
  const mapped = ends.map((end) => ({ ...end, hostname: "::ffff:127.0.0.1" }));
  assertEquals(rowKeys(mapped[0]!, mapped[1]!), rowKeys(...ends));
});

Deno.test("an IPv6 address is written word by word, without its scope", () => {
  const own = { hostname: "2001:db8::ff00:1%eth0", port: 0xbf4c };
  const other = { hostname: "::1", port: 2049 };
  assertEquals(rowKeys(own, other), [keyOfRow(V6)] as string[]);
});

Deno.test("a row names its user, whatever the width of its number", () => {
  assertEquals([V4, MAPPED, V6].map(userOfRow), [1000, 109, 0]);
});

Deno.test("a connection that its process has closed is nobody's, though the table says root", () => {
  assertEquals(keyOfRow(TIME_WAIT), keyOfRow(V4));
  assertEquals(userOfRow(TIME_WAIT), undefined);
});

Deno.test("the heading and what is cut short are no rows", () => {
  for (const text of [HEADING, "", " 1: ", " 1: 0100007F:8DBC", V4.slice(20)]) {
    assertEquals(keyOfRow(text), undefined, text);
  }
  assertEquals(userOfRow(V4.slice(0, 60)), undefined);
});
