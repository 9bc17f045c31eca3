/** Calls of the host that hang for some parties, and are made for all others. */

import fs from "node:fs";
import { askedBy } from "../../../src/base/asker.ts";
import type { Host } from "../../../src/backends/local/host.ts";

type Method = (...given: unknown[]) => unknown;

/** Before which calls of the host stand that are made for some parties, until it is opened. */
export class HostGate implements Disposable {
  readonly #parties: ReadonlySet<string>;
  readonly #opened = Promise.withResolvers<void>();
  readonly #restored = new DisposableStack();
  #isOpen = false;
  /** Calls that came to it. */
  arrivals = 0;

  /** Nothing is held back yet. */
  constructor(parties: readonly string[]) {
    this.#parties = new Set(parties);
  }

  /** From now on what makes the host work stands before it, by whichever door it is asked. */
  shut(): void {
    for (
      const call of ["read", "fsync", "fdatasync", "ftruncate"] as const
    ) this.#holdBack(fs as unknown as Record<string, Method>, call);
    this.#holdBack(Deno as unknown as Record<string, Method>, "remove");
  }

  /** The same of a host's own calls. */
  shutOf(host: Host): void {
    const calls = host as unknown as Record<string, Method>;
    this.#holdBack(calls, "closeLater");
    this.#holdBack(calls, "writeLater");
    const list = host.list.bind(host);
    // What is read at once waits for no place; new folders are looked at so.
    host.list = (folder) => {
      const isEmpty = Deno.readDirSync(host.folderPath(folder)).next().done;
      if (isEmpty) return list(folder);
      return async () => {
        await this.hold();
        const parts = list(folder);
        return typeof parts === "function" ? await parts() : parts;
      };
    };
  }

  /** Whether what is asked for now hangs. */
  isShut(): boolean {
    return !this.#isOpen && this.#parties.has(askedBy().party);
  }

  /** What a call that is made now has to wait for. */
  hold(): Promise<void> | undefined {
    return this.isShut() ? this.#arrive() : undefined;
  }

  /** All that hangs goes on. */
  open(): void {
    this.#isOpen = true;
    this.#opened.resolve();
  }

  /** The host is what it was. */
  [Symbol.dispose](): void {
    this.open();
    this.#restored[Symbol.dispose]();
  }

  #arrive(): Promise<void> {
    this.arrivals++;
    return this.#opened.promise;
  }

  /** Calls that call back as well as those that return a promise. */
  #holdBack(of: Record<string, Method>, name: string): void {
    const real = of[name]!;
    const put = (value: Method) =>
      Object.defineProperty(of, name, { value, configurable: true });
    put((...given) => {
      const held = this.hold();
      const act = () => real.apply(of, given);
      return held === undefined ? act() : held.then(act);
    });
    this.#restored.defer(() => put(real));
  }
}
