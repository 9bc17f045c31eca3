import { encodeRaw } from "../../../src/base/raw_names.ts";

/** Sets an extended attribute as a program of the host does; what it may not is left out. */
export function setByHost(
  path: string,
  name: string | Uint8Array<ArrayBuffer>,
  value: Uint8Array<ArrayBuffer>,
): void {
  const libc = Deno.dlopen("libc.so.6", {
    setxattr: {
      parameters: ["buffer", "buffer", "buffer", "usize", "i32"],
      result: "i32",
    },
  });
  const bytes = typeof name === "string" ? encodeRaw(name) : name;
  const size = BigInt(value.length);
  const key = new Uint8Array([...bytes, 0]);
  libc.symbols.setxattr(encodeRaw(`${path}\0`), key, value, size, 0);
  libc.close();
}
