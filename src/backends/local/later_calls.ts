import fs from "node:fs";

/** Removes an empty folder by another thread: rmdir(2) alone, which takes no file for one. */
export function rmdirLater(path: string): Promise<void> {
  return made((done) => fs.rmdir(path, done));
}

/** Moves what `from` names to `to` by another thread: rename(2) alone. */
export function renameLater(from: string, to: string): Promise<void> {
  return made((done) => fs.rename(from, to, done));
}

function made(call: (done: (error?: Error | null) => void) => void) {
  return new Promise<void>((resolve, reject) =>
    call((error) => error ? reject(error) : resolve())
  );
}
