import { askedBy, type Asker, OWN } from "../../../base/asker.ts";
import { ongoingCall } from "../../../base/ongoing_call.ts";
import { FsError } from "../../../vfs/errors.ts";
import type {
  Answer,
  Calls,
  FromWorker,
  Method,
  News,
  Notice,
  ToWorker,
} from "./calls.ts";
import { receivedFault } from "./faults.ts";
import { Outbox } from "./outbox.ts";

/** Who waits for the answer to a call. */
interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What a {@linkcode Line} tells of by itself. */
export interface LineHearer {
  /** Something that no call has asked for. */
  news(news: News): void;
  /** The worker has ended by itself; what it said of that, in one line. */
  broken(reason: string): void;
}

/** What a `Worker` is here for. */
export type CarryingWorker = Pick<
  Worker,
  "onmessage" | "onerror" | "onmessageerror" | "postMessage" | "terminate"
>;

/** The server's end of the way to a worker: calls, and their answers in whatever order they come. */
export class Line {
  readonly #worker: CarryingWorker;
  readonly #hearer: LineHearer;
  readonly #waiting = new Map<number, Waiting>();
  readonly #outbox: Outbox<ToWorker[number]>;
  #last = 0;
  /** That of the last call. */
  #asker: Asker = OWN;
  readonly #connections = new WeakMap<Asker, number>([[OWN, 0]]);
  #lastConnection = 0;
  /** Why nothing is sent any more. */
  #end: Error | undefined;

  constructor(worker: CarryingWorker, hearer: LineHearer) {
    this.#worker = worker;
    this.#hearer = hearer;
    this.#outbox = new Outbox((all: ToWorker, transfer) => {
      if (this.#end !== undefined) return;
      try {
        this.#worker.postMessage(all, transfer);
      } catch (error) {
        // No caller would hear of it, and it would end the process.
        this.#break(`nothing can be sent to it, ${(error as Error).message}`);
      }
    });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      // Else it would be an error of the server's.
      event.preventDefault();
      this.#break(event.message);
    };
    this.#worker.onmessageerror = () => this.#break("it can't be understood");
  }

  /** Whether nothing is sent any more. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Has the worker carry out a call; `buffer` is given to it. */
  call<M extends Method>(
    method: M,
    args: Parameters<Calls[M]>,
    buffer?: ArrayBuffer,
  ): Promise<ReturnType<Calls[M]>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end);
      const call = ++this.#last;
      this.#waiting.set(call, {
        resolve: resolve as Waiting["resolve"],
        reject,
      });
      this.#tellAsker();
      this.#outbox.add({ call, method, args }, buffer);
      ongoingCall()?.whenGivenUp(() => this.#outbox.add({ givenUp: call }));
    });
  }

  /** Tells the worker something that it does not answer. */
  tell(notice: Notice): void {
    if (this.#end === undefined) this.#outbox.add(notice);
  }

  /** Where it is another than that of the call before. */
  #tellAsker(): void {
    const asker = askedBy();
    if (asker === this.#asker) return;
    this.#asker = asker;
    let connection = this.#connections.get(asker);
    if (connection === undefined) {
      connection = ++this.#lastConnection;
      this.#connections.set(asker, connection);
    }
    this.#outbox.add({ party: asker.party, connection });
  }

  /** Ends the worker, whatever it is at; calls that it has not answered, and all later ones, are told `error`. */
  end(error: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    // A thread that hangs in the host ends when that lets go of it.
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #break(message: string): void {
    if (this.#end !== undefined) return;
    const [line = ""] = message.split("\n");
    const reason = `the worker of the folder has ended: ${line}`;
    this.end(new FsError("io", reason));
    this.#hearer.broken(reason);
  }

  #hear(all: FromWorker): void {
    for (const one of all) {
      if ("call" in one) this.#answer(one);
      else this.#hearer.news(one);
    }
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.call);
    // Ended meanwhile.
    if (waiting === undefined) return;
    this.#waiting.delete(answer.call);
    if ("fault" in answer) waiting.reject(receivedFault(answer.fault));
    else waiting.resolve(answer.value);
  }
}
