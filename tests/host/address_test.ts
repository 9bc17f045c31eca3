import { assertEquals } from "@std/assert";
import { canonicalAddress, isLoopback } from "../../src/host/address.ts";

Deno.test("an address has one way to be written", () => {
  for (
    const [given, canonical] of [
      ["127.0.0.1", "127.0.0.1"],
      ["::ffff:127.0.0.1", "127.0.0.1"],
      ["::FFFF:7f00:1", "127.0.0.1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["FE80::1%eth0", "fe80::1"],
      ["example.org", "example.org"],
    ] as const
  ) assertEquals(canonicalAddress(given), canonical);
});

Deno.test("loopback is 127/8, ::1 and localhost", () => {
  for (const each of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(isLoopback(each), true, each);
  }
  assertEquals(isLoopback("localhost"), true);
  for (const each of ["0.0.0.0", "::", "128.0.0.1", "127.example.org"]) {
    assertEquals(isLoopback(each), false, each);
  }
});
