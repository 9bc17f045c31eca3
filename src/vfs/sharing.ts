/** What a process has once, and file systems and servers take parts of. */
export type Shared = "descriptors" | "heap" | "state" | "buffers";

/** How one of them takes its part. */
export interface Sharing {
  readonly of: Shared;
  /** So many of this process take parts, itself included: each an equal one. */
  among(count: number): void;
}

/** On what takes a part of what the process has once. */
export const sharing: unique symbol = Symbol("sharing");

/** Tells those of this process that take parts how many they are. */
export function shareOut(all: Iterable<object>): void {
  const sharings = [...new Set<Partial<HasSharing>>(all)]
    .flatMap((one) => one[sharing] ?? []);
  for (const one of sharings) {
    one.among(sharings.filter((other) => other.of === one.of).length);
  }
}

/** What takes a part. */
export interface HasSharing {
  readonly [sharing]: Sharing;
}
