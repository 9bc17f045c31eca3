import { leave } from "../../../base/awaitable.ts";
import type { Clock } from "../../../base/clock.ts";
import { goingOn } from "../../../base/ongoing_call.ts";
import { FsError } from "../../../vfs/errors.ts";
import { type MountNews, MountWatch } from "../mount_watch.ts";
import type { Calls, Method, News, SentOptions, SentStart } from "./calls.ts";
import { GuardedFiles } from "./guarded_files.ts";
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
  /** Syncs of the host that failed. */
  lostWrites = 0;
  readonly #options: CarriedOptions;
  #line: Line | undefined;
  #started: Promise<SentStart> | undefined;
  #told: SentStart | undefined;
  /** Why nothing can be had of the folder, in one line. */
  #failure: string | undefined;
  /** Whether a worker has ended by itself, a fault of ours. */
  #isBroken = false;
  #mount: MountWatch | undefined;
  /** Of the worker that opens the folder on a mount made anew: each call fails until it has. */
  #next: Line | undefined;
  /** Workers that have opened it, or tried to, after the first. */
  #renewals = 0;
  #isAsking = false;
  #sharers = 1;
  #disposed: Promise<void> | undefined;
  /** Servers that have started it, or are about to. */
  #claims = 0;
  /** Whether anything was asked of the worker: then there may be nodes that only it knows. */
  #isUsed = false;
  readonly #guarded = new GuardedFiles();
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
   * Why nothing can be had of the folder, in one line; whether that still holds is
   * looked at in the background, and told when it is asked for again.
   */
  failure(): string | undefined {
    this.#mount?.look((news) => this.#hearOfMount(news));
    return this.#failure;
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
    this.#sharers = count;
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
    const call = () => this.#line!.call(method, args, buffer);
    return this.#begin().then(goingOn(call));
  }

  /** `recall` is to be called when the host changes a guarded file. */
  watch(recall: (node: ApartNode) => Promise<void>): void {
    this.#guarded.watch(recall);
  }

  /**
   * Has a file watched before the worker does anything that is asked of it later;
   * where it can't be, the file is recalled.
   */
  guard(file: ApartNode): Disposable | undefined {
    if (!this.#told?.canGuard || this.#line!.isEnded) return undefined;
    return this.#guarded.guard(file, this.#line!);
  }

  /** Makes everything durable, and ends the worker. */
  dispose(): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  /** Ends the worker, whatever it waits for. */
  abandon(): void {
    const { directory } = this.#options;
    this.#end(new FsError("io", `the host does not answer in ${directory}`));
  }

  async #dispose(): Promise<void> {
    if (this.#started === undefined) return;
    try {
      await this.call("dispose", []);
    } finally {
      this.#end(new FsError("stale", "no longer served"));
    }
  }

  /** For good. */
  #end(error: Error): void {
    this.#mount = undefined;
    this.#line?.end(error);
    this.#next?.end(error);
  }

  /** Starts the worker, unless it was. */
  #begin(): Promise<SentStart> {
    return this.#started ??= this.#start();
  }

  #stopUnused(): void {
    const isWanted = this.#claims > 0 || this.#isUsed;
    if (isWanted || this.#disposed !== undefined) return;
    if (this.#told === undefined) return;
    this.#end(new FsError("stale", "no longer served"));
    this.#line = this.#started = this.#told = undefined;
  }

  async #start(): Promise<SentStart> {
    const { directory, clock } = this.#options;
    if (this.#disposed !== undefined) {
      throw new FsError("stale", "no longer served");
    }
    const line = this.#openLine();
    this.#line = line;
    const late = () => line.end(refusal(directory, "the host does not answer"));
    const cancel = clock.schedule(late, START_MS);
    try {
      const told = await this.#openOn(line, directory);
      const [, inode, tag] = told.root;
      this.root.identity = { inode, tag };
      this.#mount = new MountWatch(told.folder.path, clock);
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

  #openLine(): Line {
    const { directory, open } = this.#options;
    let worker: CarryingWorker;
    try {
      worker = open();
    } catch (error) {
      throw refusal(directory, (error as Error).message);
    }
    return new Line(worker, {
      news: (news) => this.#hear(news),
      broken: (reason) => this.#break(reason),
    });
  }

  #openOn(line: Line, path: string): Promise<SentStart> {
    const past = { workers: this.#renewals, last: this.nodes.last };
    return line.call("start", [path, this.#options.options, past]);
  }

  #hearOfMount(news: MountNews | undefined): void {
    // It was disposed of, or can't be mended by another worker.
    if (this.#mount === undefined || this.#isBroken) return;
    if (news !== undefined) this.#cutOff(news.reason);
    if (news?.isAnew === false || this.#next !== undefined) return;
    if (this.#line!.isEnded) leave(this.#renew());
    else leave(this.#ask());
  }

  /** What the worker still holds is of a mount that is gone. */
  #cutOff(reason: string): void {
    this.#failure = reason;
    const error = new FsError("io", reason);
    this.#line!.end(error);
    this.#next?.end(error);
    this.#next = undefined;
    this.#guarded.recallAll();
  }

  /**
   * Has another worker open the folder, for which no node or handle of before is one:
   * where no births are told it might be of any file. That takes as long as the host
   * does: a worker that hangs keeps its thread, so there is one for each new mount.
   */
  async #renew(): Promise<void> {
    const { path } = this.#told!.folder;
    this.#mount = new MountWatch(path, this.#options.clock);
    this.#renewals++;
    let line: Line | undefined;
    try {
      line = this.#next = this.#openLine();
      const told = await this.#openOn(line, path);
      if (this.#next !== line) return;
      this.#told = told;
      this.#line = line;
      this.#next = undefined;
      line.tell({ sharers: this.#sharers });
    } catch (error) {
      line?.end(error as Error);
      if (this.#next !== line) return;
      this.#next = undefined;
      this.#failure = (error as Error).message;
    }
  }

  /** Whether the host fails, as where a program behind FUSE has died: only where it does not, the folder is sound again. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const line = this.#line!;
    let failure: string | undefined;
    try {
      await line.call("getattr", [this.root.number, 0]);
    } catch (error) {
      const told = FsError.from(error);
      if (told?.code === "io") {
        failure =
          `the host fails in ${this.#options.directory}: ${told.message}`;
      }
    }
    this.#isAsking = false;
    if (!line.isEnded) this.#failure = failure;
  }

  #hear(news: News): void {
    if ("lostWrites" in news) {
      this.lostWrites += news.lostWrites;
      return;
    }
    const node = this.nodes.get(news.recall);
    if (node !== undefined) this.#guarded.recall(node);
  }

  #break(reason: string): void {
    this.#isBroken = true;
    this.#failure = reason;
    this.#guarded.recallAll();
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
