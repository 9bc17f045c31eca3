import { isRoot } from "./fixture.ts";

/** Another place for a folder that is there. */
export const MS_BIND = 0x1000n;
const MNT_DETACH = 2;
const encoder = new TextEncoder();
const cString = (text: string) => encoder.encode(`${text}\0`);

/** What mount(2) takes. */
export interface Mount {
  readonly source: string;
  readonly type: string;
  readonly flags?: bigint;
  readonly data?: string;
}

/** Mounts until that is disposed of; `undefined` where this process may not. */
export function mount(path: string, what: Mount): Disposable | undefined {
  const { source, type, flags = 0n, data = "" } = what;
  const libc = Deno.dlopen("libc.so.6", {
    mount: {
      parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
      result: "i32",
    },
    umount2: { parameters: ["buffer", "i32"], result: "i32" },
  });
  const at = cString(path);
  const failed = libc.symbols.mount(
    cString(source),
    at,
    cString(type),
    flags,
    cString(data),
  );
  if (failed !== 0) {
    libc.close();
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      libc.symbols.umount2(at, MNT_DETACH);
      libc.close();
    },
  };
}

/** Whether this process may mount what `make` mounts in an empty folder: in a container it may not. */
export function canMount(
  make: (base: string) => Disposable | undefined,
): boolean {
  if (!isRoot) return false;
  const base = Deno.makeTempDirSync();
  try {
    using mounted = make(base);
    return mounted !== undefined;
  } catch {
    return false;
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}
