import { assertEquals, assertGreater } from "@std/assert";
import { FsError } from "../../../src/vfs/mod.ts";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { bytes } from "./fixture.ts";

const TIMES = 20;

/** Starts `act` many times without waiting; tells who was refused, and how. */
async function atOnce<T>(
  act: (index: number) => Promise<T>,
): Promise<{ done: T[]; codes: string[] }> {
  const done: T[] = [];
  const codes: string[] = [];
  const runs = Array.from({ length: TIMES }, (_, index) =>
    act(index).then(
      (result) => done.push(result),
      (error) => {
        if (!(error instanceof FsError)) throw error;
        codes.push(error.code);
      },
    ));
  await Promise.all(runs);
  return { done, codes };
}

async function create(g: Fixture, name: string, verifier?: Uint8Array) {
  const attributes = { mode: 0o644, ...g.owner };
  const options = { attributes, verifier };
  return await g.fs.create(g.root, name, { type: "file" }, options);
}

const refusals = (code: string) => Array(TIMES - 1).fill(code);

/** Requests that are in hand at the same time. */
export const concurrencyTests: readonly BehaviourTest[] = [
  {
    name: "of many creates of one name at once, one makes it",
    async run(g) {
      const { done, codes } = await atOnce(() => create(g, "a"));
      assertEquals(done.length, 1);
      assertEquals(codes, refusals("exists"));
      assertEquals(await g.names(), ["a"]);
    },
  },
  {
    name: "many exclusive creates of one verifier at once are one file",
    async run(g) {
      const { done } = await atOnce(() => create(g, "a", bytes("verifier")));
      assertEquals(done.length, TIMES);
      assertEquals(done.filter(({ created }) => created).length, 1);
      for (const { node } of done) g.same(node, done[0]!.node);
    },
  },
  {
    name: "many creates at once are all listed, each with its own change",
    async run(g) {
      const { done } = await atOnce((index) => create(g, `file${index}`));
      assertEquals(done.length, TIMES);
      assertEquals((await g.names()).length, TIMES);
      const afters = done.filter(({ change }) => change.atomic)
        .map(({ change }) => change.after);
      assertEquals(new Set(afters).size, afters.length);
    },
  },
  {
    name: "many writes at once all arrive",
    async run(g) {
      const file = await g.file("a");
      const before = await g.stat(file);
      await atOnce((index) => g.write(file, `<${index + 10}>`, index * 4));
      const expected = Array.from({ length: TIMES }, (_, i) => `<${i + 10}>`);
      assertEquals(await g.text(file), expected.join(""));
      assertGreater((await g.stat(file)).change, before.change);
    },
  },
  {
    name: "of many removes of one name at once, one removes it",
    async run(g) {
      await g.file("a");
      const { done, codes } = await atOnce(async () =>
        await g.fs.remove(g.root, "a")
      );
      assertEquals(done.length, 1);
      assertEquals(codes, refusals("not-found"));
    },
  },
  {
    name: "of many renames of one file at once, one moves it",
    async run(g) {
      const file = await g.file("a", "content");
      const { done, codes } = await atOnce(async (index) =>
        await g.fs.rename(
          { directory: g.root, name: "a" },
          { directory: g.root, name: `to${index}` },
        )
      );
      assertEquals(done.length, 1);
      assertEquals(codes, refusals("not-found"));
      const names = await g.names();
      assertEquals(names.length, 1);
      g.same(await g.find(names[0]!), file);
    },
  },
];
