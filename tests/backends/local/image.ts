import { mount } from "./mounting.ts";

/** File systems of Linux whose files may share blocks. */
export const SHARING = ["xfs", "btrfs"] as const;

/** Bytes of the smallest that both can be made in. */
const SIZE = 320 * 1024 * 1024;

function run(command: string, ...args: string[]): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(command, {
      args,
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/** An empty file system of this type in a file, mounted until that is disposed of; `undefined` where it can't be had. */
export function mountImage(
  type: string,
): { readonly path: string } & Disposable | undefined {
  using undo = new DisposableStack();
  const base = Deno.makeTempDirSync();
  undo.defer(() => Deno.removeSync(base, { recursive: true }));
  const image = `${base}/image`;
  const path = `${base}/mounted`;
  Deno.writeFileSync(image, new Uint8Array());
  Deno.truncateSync(image, SIZE);
  Deno.mkdirSync(path);
  if (run(`mkfs.${type}`, "-q", image) === undefined) return undefined;
  const source = run("losetup", "--find", "--show", image);
  if (source === undefined) return undefined;
  undo.defer(() => run("losetup", "--detach", source));
  const mounted = mount(path, { source, type });
  if (mounted === undefined) return undefined;
  undo.use(mounted);
  const all = undo.move();
  return { path, [Symbol.dispose]: () => all.dispose() };
}
