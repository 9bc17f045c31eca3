import {
  ApartFileSystem,
  type ApartReplacements,
} from "../../../../src/backends/local/apart/apart_file_system.ts";
import {
  Answering,
  type WorkerScope,
} from "../../../../src/backends/local/apart/answering.ts";
import type { CarryingWorker } from "../../../../src/backends/local/apart/line.ts";
import type { LocalOptions } from "../../../../src/backends/local/options.ts";
import { nextTurn, type Turn } from "../../../../src/base/turn.ts";
import { started } from "../../../../src/vfs/starting.ts";

/** One that has no end: what comes is begun at once. */
const ENDLESS: Turn = { isOver: false, next: nextTurn };

/**
 * What the worker does, on the test's own thread, with all that crosses cloned and
 * given away as between threads: a worker takes a tenth of a second to start.
 */
export class WorkerHere implements CarryingWorker {
  onmessage: CarryingWorker["onmessage"] = null;
  onerror: CarryingWorker["onerror"] = null;
  onmessageerror: CarryingWorker["onmessageerror"] = null;
  readonly #port: MessagePort;
  readonly #itsPort: MessagePort;

  constructor(turn: Turn = ENDLESS) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#itsPort = port2;
    port1.onmessage = (event) =>
      this.onmessage?.call(this as unknown as Worker, event);
    new Answering(port2 as unknown as WorkerScope, turn);
  }

  postMessage(message: unknown, transfer?: unknown): void {
    this.#port.postMessage(message, transfer as Transferable[]);
  }

  /** It ends by itself. */
  fail(message: string): void {
    const event = new ErrorEvent("error", { message, cancelable: true });
    this.onerror?.call(this as unknown as Worker, event);
  }

  terminate(): void {
    this.#port.close();
    this.#itsPort.close();
  }
}

/** A folder of the host with one worker after the other that carries it. */
export class ApartBox implements AsyncDisposable {
  /** What is served. */
  readonly path: string;
  fs: ApartFileSystem;
  readonly #options: LocalOptions;
  readonly #replacements: ApartReplacements;

  private constructor(
    options: LocalOptions,
    replacements: ApartReplacements,
    where: Deno.MakeTempOptions = {},
  ) {
    this.path = Deno.makeTempDirSync(where);
    this.#options = options;
    this.#replacements = replacements;
    this.fs = new ApartFileSystem(this.path, options, replacements);
  }

  /** A fresh one, started: where the host has temporary files, unless that is said. */
  static async open(
    options: LocalOptions = {},
    replacements: ApartReplacements = { open: () => new WorkerHere() },
    where: Deno.MakeTempOptions = {},
  ): Promise<ApartBox> {
    const box = new ApartBox(options, replacements, where);
    await started([box.fs]);
    return box;
  }

  /** The same folder after a restart of the server. */
  async restart(): Promise<void> {
    await this.fs.dispose();
    this.fs = new ApartFileSystem(
      this.path,
      this.#options,
      this.#replacements,
    );
    await started([this.fs]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One whose worker has ended has said so before.
    await this.fs.dispose().catch(() => {});
    Deno.removeSync(this.path, { recursive: true });
  }
}
