import type { FileSystem } from "./file_system.ts";

/** What a process has once, and file systems take parts of. */
export type Shared = "descriptors" | "heap";

/** How a back end of ours takes its part. */
export interface Sharing {
  readonly of: Shared;
  /** So many that are served in this process take parts, itself included: each an equal one. */
  among(count: number): void;
}

/** On a back end of ours that takes a part of what the process has once. */
export const sharing: unique symbol = Symbol("sharing");

/** Tells the file systems that are served in this process how many of them share. */
export function shareOut(served: Iterable<FileSystem>): void {
  const sharings = [...new Set<FileSystem & Partial<HasSharing>>(served)]
    .flatMap((fs) => fs[sharing] ?? []);
  for (const one of sharings) {
    one.among(sharings.filter((other) => other.of === one.of).length);
  }
}

interface HasSharing {
  readonly [sharing]: Sharing;
}
