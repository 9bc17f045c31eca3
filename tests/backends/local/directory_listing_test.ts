import { assert, assertEquals, assertLess } from "@std/assert";
import { DirectoryListing } from "../../../src/backends/local/directory_listing.ts";
import type { HostListing } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { ShortTurns } from "../../support/short_turns.ts";
import { makeHost, noFolder, Sandbox } from "./fixture.ts";

function listingOf(
  names: readonly string[],
  before?: DirectoryListing,
): DirectoryListing {
  const listing = new DirectoryListing(before);
  for (const name of names) listing.add(name);
  listing.complete();
  return listing;
}

const all = Array.from({ length: 5000 }, (_, i) => `name-${i}`);

Deno.test("directory listing: cookies don't depend on what else is there", () => {
  const whole = listingOf(all);
  const half = listingOf(all.filter((_, i) => i % 2 === 0).reverse());
  for (let i = 0; i < all.length; i += 2) {
    assertEquals(half.cookieOf(all[i]!), whole.cookieOf(all[i]!));
  }
  const cookies = all.map((name) => whole.cookieOf(name)!);
  assertEquals(new Set(cookies).size, all.length);
  assert(cookies.every((cookie) => cookie >= 1 && cookie <= 2 ** 52));
});

Deno.test("directory listing: what is removed is passed over", () => {
  const listing = listingOf(["a", "b", "c", "d"]);
  const order = [...listing.after(0)];
  listing.remove(order[1]!.name);
  assertEquals(
    [...listing.after(order[0]!.cookie)].map(({ name }) => name),
    [order[2]!.name, order[3]!.name],
  );
});

Deno.test("directory listing: is what is left after any changes, in order", () => {
  const random = new SeededRandom(7);
  const listing = listingOf(all);
  const expected = new Set(all);
  const cookies = new Map(all.map((name) => [name, listing.cookieOf(name)]));
  for (let i = 0; i < 20_000; i++) {
    const name = `name-${random.below(8000)}`;
    if (random.below(2) === 0) {
      listing.remove(name);
      expected.delete(name);
    } else {
      listing.add(name);
      expected.add(name);
      const cookie = listing.cookieOf(name);
      assertEquals(cookie, cookies.get(name) ?? cookie);
      cookies.set(name, cookie);
    }
  }
  const entries = [...listing.after(0)];
  assertEquals(new Set(entries.map(({ name }) => name)), expected);
  assertEquals(listing.size, expected.size);
  entries.reduce((last, { cookie }) => {
    assertLess(last, cookie);
    return cookie;
  }, 0);
  for (const name of expected) listing.remove(name);
  assertEquals([...listing.after(0)], []);
  assertEquals(listing.bytes, new DirectoryListing().bytes);
});

/** Every name has the same hash. */
const collide = (): number => 1000;

Deno.test("directory listing: names of one hash keep their cookies when listed anew", () => {
  const first = new DirectoryListing(undefined, collide);
  first.add("one");
  first.add("two");
  assertEquals([first.cookieOf("one"), first.cookieOf("two")], [1000, 1001]);
  const again = new DirectoryListing(first, collide);
  for (const name of ["new", "two", "one"]) again.add(name);
  again.complete();
  assertEquals([again.cookieOf("one"), again.cookieOf("two")], [1000, 1001]);
  assertEquals(again.cookieOf("new"), 1002);
  again.remove("one");
  assertEquals([...again.after(0)], [
    { name: "two", cookie: 1001 },
    { name: "new", cookie: 1002 },
  ]);
  again.add("one");
  assertEquals(again.cookieOf("one"), 1000);
});

Deno.test("directory listing: names that were made to collide cost little more", () => {
  const listing = new DirectoryListing(undefined, collide);
  const before = performance.now();
  for (let i = 0; i < 20_000; i++) listing.add(`${i}`);
  assertLess(performance.now() - before, 2000);
  assertEquals([...listing.after(0)].length, 20_000);
});

Deno.test({
  name:
    "local: a crowd that waits for the listing of one folder goes on in turns",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    for (let i = 0; i < 10; i++) Deno.writeTextFileSync(`${box.path}/${i}`, "");
    const host = makeHost(false);
    const [list, stat] = [host.list.bind(host), host.stat.bind(host)];
    const { promise: asked, resolve: goOn } = Promise.withResolvers<void>();
    host.list = (folder) => () =>
      asked.then(() => list(folder) as Iterable<HostListing>);
    const turn = new ShortTurns(10);
    host.stat = (folder, name) => {
      turn.look();
      return stat(folder, name);
    };
    const fs = new HostedFileSystem(host, box.path, { turn });
    const root = fs.root();
    const pages = Promise.all(
      Array.from({ length: 100 }, () => fs.readdir(root, 0, 10)),
    );
    goOn();
    for (const { entries } of await pages) assertEquals(entries.length, 10);
    assertLess(turn.most, 50);
    await fs.dispose();
  },
});
