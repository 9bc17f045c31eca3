import { constants } from "node:os";
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { acceptAll } from "../../src/rpc/accept.ts";
import type { Connected } from "../../src/rpc/transport.ts";
import { createLogger } from "../../src/base/log.ts";

/** What a listener's `accept` comes to, one after the other; then it waits for the end. */
async function accepting(
  outcomes: readonly (Error | "conn")[],
  options: { readonly spare?: () => boolean } = {},
) {
  const lines: string[] = [];
  const told = { admitted: 0, lost: 0, lines };
  const ending = new AbortController();
  const rest = [...outcomes];
  await acceptAll({
    accept: () => {
      const next = rest.shift();
      if (next instanceof Error) return Promise.reject(next);
      if (next === "conn") return Promise.resolve({} as Connected);
      ending.abort();
      return Promise.reject(new Deno.errors.BadResource());
    },
  }, {
    admit: () => void told.admitted++,
    lost: () => told.lost++,
    spare: options.spare,
    logger: createLogger({ write: (line) => void lines.push(line) }),
    clock: systemClock,
    signal: ending.signal,
  });
  return told;
}

function failure(code: string): Error {
  return Object.assign(new Error("failed"), { code });
}

Deno.test("a peer who resets before it is accepted keeps nobody waiting, and is no error of ours", async () => {
  const kinds = [
    new Deno.errors.NotConnected("gone"),
    failure("ECONNABORTED"),
    // Deno has a number alone for what it has no name for.
    new Error(`gone (os error ${constants.errno.EPROTO})`),
  ];
  const gone = Array.from({ length: 250 }, (_, i) => kinds[i % kinds.length]!);
  const since = performance.now();
  const told = await accepting([...gone, "conn"]);
  // A pause for each would take more than ten seconds.
  assert(performance.now() - since < 2000);
  assertEquals(told, { admitted: 1, lost: 250, lines: [] });
});

Deno.test("out of descriptors, what can be spared ends, and one line says so", async () => {
  for (const code of ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"]) {
    let spared = 0;
    const spare = () => ++spared > 0;
    const full = failure(code);
    const told = await accepting([full, full, "conn", "conn", full], { spare });
    assertEquals(spared, 3);
    assertEquals(told.admitted, 2);
    assertEquals(told.lost, 0);
    assertEquals(told.lines.length, 2);
  }
});

Deno.test("what nobody foresaw is said, and tried again after a pause", async () => {
  const told = await accepting([new Error("strange"), "conn"]);
  assertEquals(told.admitted, 1);
  assertEquals(told.lines.length, 1);
});
