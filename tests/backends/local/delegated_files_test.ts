import { assert, assertEquals } from "@std/assert";
import { LOOK } from "../../../src/backends/local/idle_files.ts";
import { local } from "../../../src/backends/local/mod.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import { Want } from "../../../src/state/delegations.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import {
  eventually,
  Fixture,
  giveBack,
  hold,
  recalled,
} from "../../backchannel/fixture.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { op } from "../../support/client/mod.ts";
import {
  attributes,
  codeOf,
  deletedIn,
  hasFfi,
  noFolder,
  Sandbox,
} from "./fixture.ts";

const ignore = noFolder || !hasFfi;
const READ = { read: true, write: false };
const BOTH = { read: true, write: true };

/** A file with five bytes that was opened, and is closed, and that a client is trusted with. */
async function trusted({ fs }: Sandbox, name = "file") {
  const { node } = await fs.create(fs.root(), name, { type: "file" }, {
    attributes,
  });
  await fs.open(node, BOTH);
  await fs.write(node, 0, new TextEncoder().encode("ours!"), "file");
  await fs.getattr(node);
  const guard = fs.guard(node);
  assert(guard !== undefined);
  fs.close(node, BOTH);
  return { node, guard, identity: fs.identify(node).slice() };
}

async function textOf({ fs }: Sandbox, node: LocalNode): Promise<string> {
  const target = new Uint8Array(5);
  const { bytes } = await fs.read(node, 0, target);
  return new TextDecoder().decode(target.subarray(0, bytes));
}

function replaced(path: string): void {
  Deno.writeTextFileSync(`${path}-new`, "theirs");
  Deno.renameSync(`${path}-new`, path);
}

for (
  const [how, lose] of Object.entries({ removed: Deno.removeSync, replaced })
) {
  Deno.test({
    name:
      `local: a file that a client is trusted with goes on when the host has it ${how}, until it is given back`,
    ignore,
    fn: async () => {
      const clock = new FakeClock();
      await using box = new Sandbox({ clock });
      const { fs } = box;
      const { node, guard, identity } = await trusted(box);
      await clock.advanceAsync(2 * LOOK);
      lose(`${box.path}/file`);
      await clock.advanceAsync(2 * LOOK);
      assertEquals((await fs.getattr(node)).nlink, 0);
      assertEquals(await fs.resolve(identity), node);
      assertEquals(await textOf(box, node), "ours!");
      // The open that the client has made by itself, told upon the recall.
      await fs.open(node, BOTH);
      await fs.write(node, 0, new TextEncoder().encode("O"), "file");
      guard[Symbol.dispose]();
      await clock.advanceAsync(2 * LOOK);
      assertEquals(await textOf(box, await fs.resolve(identity)), "Ours!");
      fs.close(node, BOTH);
      assertEquals(deletedIn(box), 0);
      assertEquals(await codeOf(() => fs.resolve(identity)), "stale");
    },
  });
}

Deno.test({
  name: "local: what the host has removed goes with the client's trust in it",
  ignore,
  fn: async () => {
    await using box = new Sandbox();
    const { fs } = box;
    const { node, guard, identity } = await trusted(box);
    await fs.open(node, READ);
    Deno.removeSync(`${box.path}/file`);
    fs.close(node, READ);
    assertEquals((await fs.getattr(node)).nlink, 0);
    guard[Symbol.dispose]();
    assertEquals(deletedIn(box), 0);
    assertEquals(await codeOf(() => fs.getattr(node)), "stale");
    assertEquals(await codeOf(() => fs.resolve(identity)), "stale");
  },
});

Deno.test({
  name:
    "local: a file that was written and a client is trusted with is not open for writing",
  ignore,
  fn: async () => {
    await using box = new Sandbox();
    const { node, guard } = await trusted(box);
    // Or the host could not run it.
    assertEquals(node.descriptor?.isWritable, false);
    await box.fs.write(node, 0, new Uint8Array(1), "unstable");
    await box.fs.commit(node);
    assertEquals(node.descriptor?.isWritable, false);
    guard[Symbol.dispose]();
    assertEquals(node.descriptor, undefined);
  },
});

Deno.test({
  name:
    "local: many files that clients are trusted with cost none that is open its place",
  ignore,
  fn: async () => {
    await using box = new Sandbox({ maxDescriptors: 64 });
    const { fs } = box;
    const { node } = await trusted(box, "open");
    await fs.open(node, READ);
    Deno.removeSync(`${box.path}/open`);
    assertEquals((await fs.getattr(node)).nlink, 0);
    for (let i = 0; i < 20; i++) {
      const { node } = await trusted(box, `${i}`);
      Deno.removeSync(`${box.path}/${i}`);
      // Of those beyond it is what it was before: they are gone.
      await Promise.resolve(fs.getattr(node)).catch(() => {});
    }
    assertEquals(deletedIn(box), 64 / 4 / 2);
    assertEquals(await textOf(box, node), "ours!");
  },
});

for (const apart of [false, true]) {
  const which = apart ? "local, apart" : "local";
  for (const access of [Share.ACCESS_READ, Share.ACCESS_BOTH]) {
    const type = access === Share.ACCESS_READ ? "read" : "write";
    Deno.test({
      name:
        `${which}: the holder of a ${type} delegation goes on with a file that the host has replaced`,
      ignore,
      fn: async () => {
        const path = Deno.makeTempDirSync();
        Deno.writeTextFileSync(`${path}/f`, "ours!");
        {
          await using fixture = await Fixture.open({
            served: local(path, { apart }) as FileSystem,
          });
          const holder = await fixture.session();
          const held = await hold(holder, "f", access);
          const { file: { filehandle, stateid: open } } = held;
          const at = (...ops: Parameters<typeof holder.compound>[0]) =>
            holder.compound([op.putfh(filehandle), ...ops]);
          await at(op.close(open));
          replaced(`${path}/f`);
          await recalled(holder, held);
          const { stateid } = held;
          const { data } = (await at(op.read({ stateid, count: 10 })))
            .get("READ");
          assertEquals(new TextDecoder().decode(data), "ours!");
          const { clientid } = holder.client;
          const owner = { clientid, owner: new Uint8Array([1]) };
          const claim = { claim: "deleg_cur_fh", stateid } as const;
          const plain = Share.ACCESS_READ | Want.NO_DELEGATION;
          const opened = await at(op.open({ access: plain, owner, claim }));
          await giveBack(holder, held);
          await at(op.close(opened.get("OPEN").stateid));
          await eventually("its end", async () => {
            const reply = await holder.compound([
              op.putfh(filehandle),
              op.getattr(["size"]),
            ], { expect: "any" });
            return reply.status === Status.STALE;
          });
        }
        Deno.removeSync(path, { recursive: true });
      },
    });
  }
}
