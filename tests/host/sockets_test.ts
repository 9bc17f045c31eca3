import { assertEquals, assertRejects } from "@std/assert";
import { canonicalAddress, isLoopback } from "../../src/host/address.ts";
import { SocketOwners } from "../../src/host/socket_owners.ts";
import { keyOfRow, rowKeys, userOfRow } from "../../src/host/socket_table.ts";

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

const server = { hostname: "127.0.0.1", port: 2049 };
const client = (port: number) => ({ hostname: "127.0.0.1", port });

function row(port: number, uid: number): string {
  const [key] = rowKeys(client(port), server);
  return `   0: ${key} 01 00000000:00000000 00:00000000 00000000 ${uid} 0 77 1\n`;
}

/** A table whose content is another one at each look. */
class Tables {
  readonly looks: string[] = [];
  readonly #pieces: (look: number) => readonly string[];

  constructor(pieces: (look: number) => readonly string[]) {
    this.#pieces = pieces;
  }

  readonly open = async function* (
    this: Tables,
    path: string,
  ): AsyncGenerator<string> {
    const look = this.looks.filter((each) => each === path).length;
    this.looks.push(path);
    if (path !== "/proc/net/tcp") return;
    for (const piece of this.#pieces(look)) {
      await Promise.resolve();
      yield piece;
    }
  }.bind(this);
}

Deno.test("whoever asks during a look shares the next one", async () => {
  const tables = new Tables(() => [row(1, 7), row(2, 8), row(3, 9)]);
  const owners = new SocketOwners(tables.open);
  const found = await Promise.all(
    [1, 2, 3].map((port) => owners.find(client(port), server)),
  );
  assertEquals(found, [7, 8, 9]);
  assertEquals(tables.looks, ["/proc/net/tcp", "/proc/net/tcp"]);
});

Deno.test("who asks for the same socket twice during a look is answered twice", async () => {
  // The first connection was reset, and the next one has the same ends.
  const ports = [1, 2, 2, 3, 3];
  const tables = new Tables(() => [row(1, 7), row(2, 8)]);
  const owners = new SocketOwners(tables.open);
  const found = new Map<number, number | undefined>();
  ports.forEach((port, i) =>
    owners.find(client(port), server).then((uid) => found.set(i, uid))
  );
  while (found.size < ports.length && tables.looks.length < 20) {
    await owners.find(client(1), server);
  }
  const uids = ports.map((_, i) => found.has(i) ? found.get(i) : "nothing");
  assertEquals(uids, [7, 8, 8, undefined, undefined]);
});

Deno.test("a row may come in two pieces, and be missed by one look", async () => {
  const text = row(1, 7);
  const tables = new Tables((look) =>
    look === 0 ? [] : [text.slice(0, 30), text.slice(30)]
  );
  assertEquals(
    await new SocketOwners(tables.open).find(client(1), server),
    7,
  );
});

Deno.test("the server's own end of a connection, and another server's peer, are not the peer", async () => {
  const swapped = rowKeys(server, client(1))[0];
  const elsewhere = rowKeys(client(1), { ...server, port: 2050 })[0];
  const tables = new Tables(() =>
    [swapped, elsewhere].map((key) => row(1, 0).replace(/\S+:\S+ \S+/, key!))
  );
  assertEquals(
    await new SocketOwners(tables.open).find(client(1), server),
    undefined,
  );
});

Deno.test("a table that can't be read makes nobody anybody", async () => {
  const owners = new SocketOwners(() => {
    throw new Deno.errors.PermissionDenied("hidepid");
  });
  assertEquals(await owners.find(client(1), server), undefined);
});

Deno.test("while descriptors are out nobody is judged, and who asks later is", async () => {
  const tables = new Tables(() => [row(1, 0)]);
  let isOut = true;
  const owners = new SocketOwners((path) => {
    if (isOut) throw Object.assign(new Error("no room"), { code: "EMFILE" });
    return tables.open(path);
  });
  await assertRejects(() => owners.find(client(1), server), Error, "no room");
  isOut = false;
  assertEquals(await owners.find(client(1), server), 0);
});

Deno.test("a hundred thousand sockets are gone through a piece a turn", async () => {
  const piece = row(2, 1).repeat(25);
  let turns = 0;
  const owners = new SocketOwners(async function* (path) {
    if (path !== "/proc/net/tcp") return;
    for (let i = 0; i < 4_000; i++) {
      turns++;
      await Promise.resolve();
      yield piece;
    }
  });
  assertEquals(await owners.find(client(1), server), undefined);
  // Each search looks twice.
  assertEquals(turns, 8_000);
});

Deno.test("there is no look for who is gone by then", async () => {
  const tables = new Tables(() => [row(1, 7), row(2, 8)]);
  const owners = new SocketOwners(tables.open);
  const isGone = () => true;
  assertEquals(await owners.find(client(1), server, isGone), undefined);
  assertEquals(tables.looks, []);
  const first = owners.find(client(1), server);
  const gone = owners.find(client(2), server, isGone);
  assertEquals(await Promise.all([first, gone]), [7, undefined]);
  assertEquals(tables.looks, ["/proc/net/tcp"]);
});
