import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { constants } from "node:os";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { acceptAll } from "../../src/rpc/accept.ts";
import { noneFlavor } from "../../src/rpc/auth_none.ts";
import { SysFlavor } from "../../src/rpc/auth_sys.ts";
import { decodeCall, encodeCall } from "../../src/rpc/message.ts";
import { CallSecurity } from "../../src/rpc/security.ts";
import type { Connected } from "../../src/rpc/transport.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { between, randomBytes, seededRandom } from "../support/random.ts";
import {
  call,
  echo,
  fragments,
  Peer,
  Procedure,
  record,
  serve,
  TestHandlers,
} from "./support.ts";

const closing: Record<string, Uint8Array> = {
  "text of another protocol": new TextEncoder().encode(
    "GET / HTTP/1.1\r\n\r\n",
  ),
  "a record of 2^31 - 1 bytes": new Uint8Array(8).fill(0xff),
  "an empty record": fragments(new Uint8Array(0), []),
  "a record without a message type": fragments(new Uint8Array(4), []),
  "a message that is neither call nor reply": record((xdr) => {
    for (let i = 0; i < 10; i++) xdr.uint32(9);
  }),
  "a call header cut short": record((xdr) => {
    for (const word of [1, 0, 2, 100003, 4]) xdr.uint32(word);
  }),
  "a credential longer than its record": record((xdr) => {
    for (const word of [1, 0, 2, 100003, 4, 1, 0, 400]) xdr.uint32(word);
  }),
  "endless empty fragments": new Uint8Array(100_000),
};

for (const [name, bytes] of Object.entries(closing)) {
  Deno.test(`${name}: the connection is closed, others are served`, async () => {
    const handlers = new TestHandlers();
    await using listener = serve(handlers);
    using other = await Peer.connect(listener);
    using peer = await Peer.connect(listener);
    await peer.send(bytes).catch(() => {}); // closed before the end of it
    assert(await peer.closed());
    assertEquals(handlers.closes, ["protocol"]);
    assertEquals(handlers.calls, []);
    await other.send(echo(1));
    assertEquals((await other.reply()).xid, 1);
  });
}

Deno.test("random streams close their connection or wait, and never harm the next", async () => {
  const random = seededRandom(0x52_50_43);
  await using listener = serve(new TestHandlers(), { maxRecord: 5000 });
  using good = await Peer.connect(listener);
  for (let round = 0; round < 150; round++) {
    using peer = await Peer.connect(listener);
    const valid = concat([
      echo(1),
      call({ xid: 2, procedure: Procedure.NULL }),
    ]);
    // Half of the rounds are noise, half are calls with some bytes changed.
    const bytes = round % 2 === 0
      ? randomBytes(random, between(random, 1, 3000))
      : valid;
    if (bytes === valid) {
      for (let i = between(random, 1, 4); i > 0; i--) {
        bytes[between(random, 0, bytes.length - 1)] = between(random, 0, 255);
      }
    }
    const cut = between(random, 1, bytes.length);
    try {
      await peer.send(bytes.subarray(0, cut));
      await peer.send(bytes.subarray(cut));
      await peer.conn.closeWrite();
    } catch {
      // The server has closed it already.
    }
    while (await peer.receive() !== undefined);
    await good.send(echo(round));
    assertEquals((await good.reply()).xid, round);
  }
});

Deno.test("a call with any byte changed decodes, is refused, or is an XdrError", () => {
  const random = seededRandom(1831);
  const xdr = new XdrWriter();
  encodeCall(xdr, {
    xid: 1,
    program: 100003,
    version: 4,
    procedure: 1,
    credential: {
      flavor: 1,
      stamp: 0,
      machineName: "guest",
      uid: 0,
      gid: 0,
      gids: [1, 2, 3],
    },
  });
  const original = xdr.slice();
  const seen = { decoded: 0, refused: 0, threw: 0 };
  const security = new CallSecurity([new SysFlavor(), noneFlavor]);
  for (let round = 0; round < 20_000; round++) {
    const bytes = original.slice();
    bytes[between(random, 0, bytes.length - 1)]! ^= 1 << between(random, 0, 7);
    const end = random() < 0.1
      ? between(random, 8, bytes.length)
      : bytes.length;
    try {
      const result = decodeCall(new XdrReader(bytes, 8, end), 1, security);
      if (typeof result === "number") seen.refused++;
      else {
        seen.decoded++;
        assert(result.body.position <= end);
      }
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      seen.threw++;
    }
  }
  for (const count of Object.values(seen)) assert(count > 500);
});

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
