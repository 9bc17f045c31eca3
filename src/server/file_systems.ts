import { allDone } from "../base/all_done.ts";
import { aborted } from "../base/abort.ts";
import { leave } from "../base/awaitable.ts";
import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/timers.ts";
import { FileSystemMetrics } from "../metrics/file_system_metrics.ts";
import type { MetricsRegistry } from "../metrics/registry.ts";
import { CheckedFileSystem } from "../vfs/checked_file_system.ts";
import type { CheckedOptions } from "../vfs/checked_options.ts";
import { hasEnded } from "../vfs/ended.ts";
import type { Export } from "../vfs/exports.ts";
import type { FileSystem } from "../vfs/file_system.ts";

/** Milliseconds for the last calls of one that does not answer, or where requests took all the time there was. */
export const LAST_MS = 1_000;
/** On a file system: how many servers serve it. */
const SERVERS = Symbol("servers");

/** Servers of a file system, when so many have come; one that takes no properties is each server's own. */
function countServers(fs: { [SERVERS]?: number }, more: number): number {
  const servers = (fs[SERVERS] ?? 0) + more;
  Reflect.set(fs, SERVERS, servers);
  return servers;
}

/** Throws one line for the user. */
function refuseEnded(name: string, fs: FileSystem): void {
  if (!hasEnded(fs)) return;
  throw new Error(
    `the file system of export ${name} ended with the server that served it: make another`,
  );
}

async function release(
  fs: CheckedFileSystem,
  isUnserved: () => boolean,
): Promise<void> {
  try {
    await fs.settle?.();
  } finally {
    if (isUnserved()) await fs.dispose?.();
  }
}

/** The exports of a server, behind file systems of which none is believed. */
export class CheckedFileSystems {
  /** What is served. */
  readonly exports: readonly Export[];
  /** One of each, in however many exports it is. */
  readonly #checked = new Map<object, CheckedFileSystem>();
  /** Those that keep files without a name for clients of before. */
  readonly #preserving = new Map<CheckedFileSystem, Disposable>();
  /** Those that no server serves since this one ended. */
  readonly #unserved = new Set<FileSystem>();
  readonly #clock: Clock;

  constructor(
    exports: readonly Export[],
    { registry, ...options }: Omit<CheckedOptions, "name" | "observer"> & {
      readonly registry: MetricsRegistry;
    },
  ) {
    const metrics = new FileSystemMetrics(registry);
    this.#clock = options.clock;
    for (const { path: name, fs } of exports) {
      if (this.#checked.has(fs)) continue;
      const inner = fs as FileSystem;
      refuseEnded(name, inner);
      const observer = metrics.observe(name);
      const checked = new CheckedFileSystem(inner, {
        ...options,
        name,
        observer,
      });
      this.#checked.set(fs, checked);
      metrics.watch(name, checked);
    }
    this.exports = exports.map((each) => {
      const fs = this.#checked.get(each.fs)!;
      return { ...each, fs, underWay: fs.underWay };
    });
  }

  /** The exports of a file system that was given. */
  exportsOf(given: object): readonly Export[] {
    const checked = this.#checked.get(given);
    return this.exports.filter(({ fs }) => fs === checked);
  }

  /** Why one of them can't be served as it should, in one line; `undefined` while all can. */
  get trouble(): string | undefined {
    for (const { path, fs } of this.exports) {
      const failure = fs.failure?.();
      if (failure !== undefined) return `export ${path}: ${failure}`;
    }
    return undefined;
  }

  /**
   * From now on the server serves them, until {@linkcode CheckedFileSystems.end}.
   * Throws for one that another server has ended with while this one started.
   */
  begin(): void {
    for (const fs of this.#checked.keys()) countServers(fs, 1);
    for (const { path, fs } of this.exports) {
      for (const [inner, checked] of this.#checked) {
        if (checked === fs) refuseEnded(path, inner as FileSystem);
      }
    }
    for (const fs of this.#checked.values()) {
      const preserved = fs.preserveUnlinked?.();
      if (preserved !== undefined) this.#preserving.set(fs, preserved);
    }
  }

  /** No client opens any more what it had open before: what has no name, and is not open, goes. */
  releaseUnlinked(): void {
    for (const preserved of this.#preserving.values()) {
      preserved[Symbol.dispose]();
    }
    this.#preserving.clear();
  }

  /** The server ends, and asks no more of them than to {@linkcode CheckedFileSystems.release} what they hold. */
  end(): void {
    for (const [fs, checked] of this.#checked) {
      checked.end();
      if (countServers(fs, -1) <= 0) this.#unserved.add(checked);
      // Of one that goes on, no start finds what was not opened anew.
      else this.#preserving.get(checked)?.[Symbol.dispose]();
    }
    this.#preserving.clear();
  }

  /**
   * Has each make durable what it has, and disposes of those that no other server
   * serves; throws what the first could not do. Those that can end without their
   * host are not waited for when `deadline` has aborted.
   */
  async release(deadline: AbortSignal): Promise<void> {
    await allDone(
      [...this.#checked].map(async ([inner, fs]) => {
        const wasUnserved = this.#unserved.has(fs);
        // One that began meanwhile goes on with it.
        const isUnserved = () => wasUnserved && countServers(inner, 0) <= 0;
        const releasing = release(fs, isUnserved);
        if (wasUnserved) leave(this.#abandonLate(fs, { releasing, deadline }));
        await releasing;
      }),
    );
  }

  /** Ends one that is not released when it should be. */
  async #abandonLate(fs: CheckedFileSystem, { releasing, deadline }: {
    readonly releasing: Promise<void>;
    readonly deadline: AbortSignal;
  }): Promise<void> {
    const released = new AbortController();
    const end = () => released.abort();
    releasing.then(end, end);
    // Its calls, or those of another one, took all the time there was.
    const isHanging = fs.overdue > 0;
    if (isHanging || deadline.aborted) {
      const patience = isHanging && deadline.aborted ? 0 : LAST_MS;
      await sleep(this.#clock, patience, released.signal);
    } else await Promise.race([aborted(released.signal), aborted(deadline)]);
    if (!released.signal.aborted) fs.abandon();
  }

  /** Gives up the calls that take too long. */
  sweep(): void {
    for (const checked of this.#checked.values()) checked.sweep();
  }

  /** See {@linkcode CheckedFileSystem.hurry}; returns whether any call was given up. */
  hurry(patience: number): boolean {
    const given = [...this.#checked.values()].map((each) =>
      each.hurry(patience)
    );
    return given.includes(true);
  }
}
