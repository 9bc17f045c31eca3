/** The server of `../hostile.ts` as a process, and what its turns of the event loop took. */

/** Milliseconds that turns of the event loop took. */
export interface Longest {
  /** CPU of the main thread in the longest. */
  readonly cpu: number;
  /** What V8 says that it collected garbage in it: of the clock, so this is the most that it can be. */
  readonly collecting: number;
  /** CPU of the longest in which no garbage was collected; 0 where all were short. */
  readonly undisturbed: number;
}

/** A turn of the event loop, in milliseconds since the process started, and its CPU. */
interface Turn {
  readonly began: number;
  readonly ended: number;
  readonly cpu: number;
}

/** A time in which nothing but the collector ran. */
interface Pause {
  readonly began: number;
  readonly ended: number;
}

/** Whatever V8 says of itself. */
const TRACE = /^\[\d+:0x/;
/** `--trace-gc`: when it ended, and how long it kept the main thread. */
const PAUSE = /^\S+\s+(\d+) ms: .*? MB, .*?([\d.]+) \/ [\d.]+ ms/;
/** `--trace-incremental-marking`: the same of a step between two pauses. */
const STEP = /^\S+\s+(\d+) ms: .* Step: .* overall: ([\d.]+)ms/;
/** V8 tells of whole milliseconds. */
const PRECISION = 1;

/** The process. */
export class MeasuredServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: Lines;
  readonly #folder: string;
  /** From V8's milliseconds to those of the turns. */
  readonly #offset: number;

  private constructor(
    parts: {
      readonly child: Deno.ChildProcess;
      readonly lines: Lines;
      readonly folder: string;
    },
    { port, now }: { readonly port: number; readonly now: number },
  ) {
    this.#child = parts.child;
    this.#lines = parts.lines;
    this.#folder = parts.folder;
    this.#input = parts.child.stdin.getWriter();
    this.port = port;
    // It has collected garbage right before.
    this.#offset = now - this.#lines.takePauses().at(-1)!.ended;
  }

  /** Starts one whose long folder has so many entries. */
  static async start(
    { backend, entries }: { backend: string; entries: number },
  ): Promise<MeasuredServer> {
    const folder = await Deno.makeTempDir();
    const script = new URL("./server.ts", import.meta.url).href;
    const flags =
      "--v8-flags=--trace-gc,--trace-incremental-marking,--expose-gc";
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", flags, script, backend, folder, String(entries)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = new Lines(child.stdout);
    const hello = JSON.parse(await lines.answer());
    return new MeasuredServer({ child, lines, folder }, hello);
  }

  /** The longest turns since it was last asked. */
  async longest(): Promise<Longest> {
    await this.#input.write(new TextEncoder().encode("\n"));
    const turns: Turn[] = JSON.parse(await this.#lines.answer());
    const pauses = this.#lines.takePauses();
    let longest: Longest = { cpu: 0, collecting: 0, undisturbed: 0 };
    for (const turn of turns) {
      const { cpu } = turn;
      const collecting = Math.min(cpu, this.#collecting(turn, pauses));
      let { undisturbed } = longest;
      if (collecting === 0) undisturbed = Math.max(undisturbed, cpu);
      longest = cpu > longest.cpu
        ? { cpu, collecting, undisturbed }
        : { ...longest, undisturbed };
    }
    return longest;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
    await this.#lines.ended();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #collecting({ began, ended }: Turn, pauses: readonly Pause[]): number {
    let sum = 0;
    for (const pause of pauses) {
      const from = pause.began + this.#offset;
      const to = pause.ended + this.#offset;
      if (to + PRECISION < began || from - PRECISION > ended) continue;
      sum += to - from;
    }
    return sum;
  }
}

/**
 * What the process prints: answers, and the collector's pauses among them. All
 * of it is read at once, for a full pipe would stop the process.
 */
class Lines {
  readonly #ended: Promise<void>;
  readonly #answers: string[] = [];
  #arrived = Promise.withResolvers<void>();
  #pauses: Pause[] = [];
  #isOver = false;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#ended = this.#readAll(stream);
  }

  /** The next line that is no trace. */
  async answer(): Promise<string> {
    while (this.#answers.length === 0) {
      if (this.#isOver) throw new Error("the server has ended");
      await this.#arrived.promise;
    }
    return this.#answers.shift()!;
  }

  /** The pauses since they were taken last. */
  takePauses(): Pause[] {
    const pauses = this.#pauses;
    this.#pauses = [];
    return pauses;
  }

  /** Resolves when the process prints nothing more. */
  ended(): Promise<void> {
    return this.#ended;
  }

  async #readAll(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      lines.forEach((line) => this.#take(line));
      this.#wake();
    }
    this.#isOver = true;
    this.#wake();
  }

  #take(line: string): void {
    if (!TRACE.test(line)) {
      this.#answers.push(line);
      return;
    }
    const pause = PAUSE.exec(line) ?? STEP.exec(line);
    if (pause === null) return;
    const ended = Number(pause[1]);
    this.#pauses.push({ began: ended - Number(pause[2]), ended });
  }

  #wake(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}
