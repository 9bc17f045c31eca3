import type { Clock } from "../../../base/clock.ts";
import { FsError } from "../../../vfs/errors.ts";
import type { Calls, Method, News, SentOptions, SentStart } from "./calls.ts";
import { ApartNode, KnownNodes } from "./known_nodes.ts";
import { type CarryingWorker, Line } from "./line.ts";

/** Milliseconds that a host has to open a folder, and Deno to start a worker. */
export const START_MS = 10_000;

/** What is carried, and by what. */
export interface CarriedOptions {
  readonly directory: string;
  readonly options: SentOptions;
  /** Opens a worker; throws an `Error` for the user. */
  readonly open: () => CarryingWorker;
  /** What the start's time goes by. */
  readonly clock: Clock;
}

/** A folder that a worker carries, as the server's side has it: the worker's life, its nodes, and what it tells of itself. */
export class CarriedFolder {
  /** The root, which is there before the worker is. */
  readonly root: ApartNode = new ApartNode(0);
  readonly nodes: KnownNodes;
  /** Why nothing can be had of the folder any more, in one line. */
  failure: string | undefined;
  /** Syncs of the host that failed. */
  lostWrites = 0;
  readonly #options: CarriedOptions;
  #line: Line | undefined;
  #started: Promise<SentStart> | undefined;
  #told: SentStart | undefined;
  #disposed: Promise<void> | undefined;
  /** Servers that have started it, or are about to. */
  #claims = 0;
  /** Whether anything was asked of the worker: then there may be nodes that only it knows. */
  #isUsed = false;
  readonly #recalls: ((node: ApartNode) => Promise<void>)[] = [];
  readonly #guarded = new Map<number, ApartNode>();
  #lastGuard = 0;
  #released: number[] = [];

  constructor(options: CarriedOptions) {
    this.#options = options;
    this.nodes = new KnownNodes((number, times) =>
      this.#release(number, times)
    );
    this.nodes.adopt(this.root);
  }

  /** What the folder tells of itself; `undefined` before it has started. */
  get told(): SentStart | undefined {
    return this.#told;
  }

  /**
   * Starts the worker for a server; rejects with an `Error` of one line for the user.
   * A server that does not come about disposes of the result: a worker that no other
   * has claimed or used ends, as it would keep the process from its end.
   */
  async claim(): Promise<Disposable> {
    const claim = new DisposableStack();
    this.#claims++;
    claim.defer(() => {
      this.#claims--;
      this.#stopUnused();
    });
    try {
      await this.#begin();
      return claim;
    } catch (error) {
      claim.dispose();
      throw error;
    }
  }

  /** So many file systems share the descriptors of the process. */
  share(count: number): void {
    this.#line?.tell({ sharers: count });
  }

  /** Has the worker carry out a call; `buffer` is given to it. */
  call<M extends Method>(
    method: M,
    args: Parameters<Calls[M]>,
    buffer?: ArrayBuffer,
  ): Promise<ReturnType<Calls[M]>> {
    this.#isUsed = true;
    if (this.#told !== undefined) return this.#line!.call(method, args, buffer);
    return this.#begin().then(() => this.#line!.call(method, args, buffer));
  }

  /** `recall` is to be called when the host changes a guarded file. */
  watch(recall: (node: ApartNode) => Promise<void>): void {
    this.#recalls.push(recall);
  }

  /**
   * Has a file watched before the worker does anything that is asked of it later;
   * where it can't be, the file is recalled.
   */
  guard(file: ApartNode): Disposable | undefined {
    if (!this.#told?.canGuard || this.failure !== undefined) return undefined;
    const guard = ++this.#lastGuard;
    this.#guarded.set(guard, file);
    this.#line!.tell({ guard, file: file.number });
    return {
      [Symbol.dispose]: () => {
        if (this.#guarded.delete(guard)) this.#line!.tell({ unguard: guard });
      },
    };
  }

  /** Makes everything durable, and ends the worker. */
  dispose(): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  /** Ends the worker, whatever it waits for. */
  abandon(): void {
    const { directory } = this.#options;
    this.#line?.end(
      new FsError("io", `the host does not answer in ${directory}`),
    );
  }

  async #dispose(): Promise<void> {
    if (this.#started === undefined) return;
    try {
      await this.call("dispose", []);
    } finally {
      this.#line?.end(new FsError("stale", "no longer served"));
    }
  }

  /** Starts the worker, unless it was. */
  #begin(): Promise<SentStart> {
    return this.#started ??= this.#start();
  }

  #stopUnused(): void {
    const isWanted = this.#claims > 0 || this.#isUsed;
    if (isWanted || this.#disposed !== undefined) return;
    if (this.#told === undefined) return;
    this.#line!.end(new FsError("stale", "no longer served"));
    this.#line = this.#started = this.#told = undefined;
  }

  async #start(): Promise<SentStart> {
    const { directory, options, open, clock } = this.#options;
    if (this.#disposed !== undefined) {
      throw new FsError("stale", "no longer served");
    }
    const line = new Line(this.#open(directory, open), {
      news: (news) => this.#hear(news),
      broken: (reason) => this.#break(reason),
    });
    this.#line = line;
    const late = () => line.end(refusal(directory, "the host does not answer"));
    const cancel = clock.schedule(late, START_MS);
    try {
      const told = await line.call("start", [directory, options]);
      const [, inode, tag] = told.root;
      this.root.identity = { inode, tag };
      return this.#told = told;
    } catch (error) {
      // Nothing is kept of a worker without a folder.
      line.end(error as Error);
      throw error instanceof FsError
        ? refusal(directory, error.message)
        : error;
    } finally {
      cancel();
    }
  }

  #open(directory: string, open: () => CarryingWorker): CarryingWorker {
    try {
      return open();
    } catch (error) {
      throw refusal(directory, (error as Error).message);
    }
  }

  #hear(news: News): void {
    if ("lostWrites" in news) {
      this.lostWrites = news.lostWrites;
      return;
    }
    const node = this.nodes.get(news.recall);
    if (node !== undefined) this.#recall(node);
  }

  #recall(node: ApartNode): void {
    // The server has its own way to tell of what goes wrong there.
    for (const recall of this.#recalls) recall(node).catch(() => {});
  }

  /** Nothing is watched any more. */
  #break(reason: string): void {
    this.failure = reason;
    for (const node of this.#guarded.values()) this.#recall(node);
    this.#guarded.clear();
  }

  /** Many come together, when the collector has been at work. */
  #release(number: number, times: number): void {
    if (this.#released.push(number, times) > 2) return;
    queueMicrotask(() => {
      this.#line?.tell({ released: this.#released });
      this.#released = [];
    });
  }
}

function refusal(directory: string, why: string): Error {
  return new Error(`can't serve ${directory}: ${why}`);
}
