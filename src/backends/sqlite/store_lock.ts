import { OWN_FILE } from "./disk.ts";

/**
 * Keeps a second server, or a tool, away from a store in use. The lock is the
 * operating system's: it goes with its process, however that ends.
 *
 * Throws an `Error` that says so when another has it.
 */
export function lockStore(directory: string): Disposable {
  const file = Deno.openSync(`${directory}/lock`, {
    create: true,
    read: true,
    write: true,
    mode: OWN_FILE,
  });
  if (!file.tryLockSync(true)) {
    file.close();
    throw new Error(
      `the store ${directory} is in use by another server or export`,
    );
  }
  return { [Symbol.dispose]: () => file.close() };
}
