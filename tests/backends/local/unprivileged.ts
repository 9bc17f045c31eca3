/**
 * Run by permissions_test.ts as an ordinary user on a folder of its own:
 * prints what the back end made of it.
 */
import { local } from "../../../src/backends/local/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";

const [path = ""] = Deno.args;
const fs = local(path);
const attempt = async (act: () => unknown): Promise<string> => {
  try {
    await act();
    return "done";
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
};
// The client's user is unknown here: the file becomes this process's own.
const attributes = { mode: 0o444, uid: 12345, gid: 12345 };
const kind = { type: "file" } as const;
const { node } = await fs.create(fs.root(), "file", kind, { attributes });
const { mode, uid, gid } = await fs.getattr(node);
const program = { ...attributes, mode: 0o6755 };
const made = await fs.create(fs.root(), "program", kind, {
  attributes: program,
});
const own = { uid, gid, mode: 0o6755 };
const sized = await fs.create(fs.root(), "sized", kind, {
  attributes: { ...own, size: 0 },
});
const modeOfSized = async () => (await fs.getattr(sized.node)).mode;
const writing = { read: false, write: true };
const report = {
  made: { mode, uid, gid },
  // Whoever wrote it would be this process's user.
  program: (await fs.getattr(made.node)).mode,
  sized: await modeOfSized(),
  resized: await fs.setattr(sized.node, { mode: 0o4755, size: 9 }) ??
    await modeOfSized(),
  open: await attempt(() => fs.open(node, writing)),
  write: await attempt(() => fs.write(node, 0, new Uint8Array(5), "data")),
  close: await attempt(() => fs.close(node, writing)),
  chown: await attempt(() => fs.setattr(node, { uid: 12345 })),
  chmod: await attempt(() => fs.setattr(node, { mode: 0 })),
  device: await attempt(() =>
    fs.create(fs.root(), "device", {
      type: "block-device",
      rdev: { major: 8, minor: 0 },
    }, { attributes })
  ),
  foreign: await attempt(async () => {
    const foreign = (await fs.lookup(fs.root(), "foreign"))!;
    await fs.open(foreign, { read: true, write: false });
  }),
  rootOwned: await attempt(async () => {
    const folder = (await fs.lookup(fs.root(), "folder"))!;
    await fs.create(folder, "x", kind, { attributes });
  }),
};
// A client that may make folders can make one that this process can't look into.
const locked = { ...attributes, mode: 0 };
for (const name of ["a", "locked", "z"]) {
  const made = name === "locked" ? locked : { ...attributes, mode: 0o755 };
  const directory = { type: "directory" } as const;
  const { node } = await fs.create(fs.root(), name, directory, {
    attributes: made,
  });
  if (name !== "locked") await fs.create(node, "f", kind, { attributes });
}
const lockedFolder = (await fs.lookup(fs.root(), "locked"))!;
const lockedMode = (await fs.getattr(lockedFolder)).mode;
// Its owner can always give himself the rights again, as on the host.
const unlocked = await attempt(async () => {
  await fs.setattr(lockedFolder, { mode: 0o700, mtime: "now" });
  await fs.setattr(lockedFolder, { mode: 0o400 });
  await fs.readdir(lockedFolder, 0, 10);
  await fs.setattr(lockedFolder, { mode: 0 });
});
// A folder that can be changed and not be listed is settled all the same.
const dropped = await attempt(async () => {
  await fs.setattr(fs.root(), { mode: 0o333 });
  await fs.create(fs.root(), "dropped", kind, { attributes });
  await fs.setattr(fs.root(), { mode: 0o755 });
});
const identities: Uint8Array[] = [];
for (const name of ["a", "z"]) {
  const folder = (await fs.lookup(fs.root(), name))!;
  const file = (await fs.lookup(folder, "f"))!;
  identities.push(fs.identify(folder).slice(), fs.identify(file).slice());
}
await fs.dispose();
const again = local(path);
const found = await attempt(async () => {
  for (const identity of identities.reverse()) await again.resolve(identity);
});
const listed = await attempt(() => again.readdir(again.root(), 0, 100));
await again.dispose();
console.log(
  JSON.stringify({ ...report, lockedMode, unlocked, dropped, found, listed }),
);
