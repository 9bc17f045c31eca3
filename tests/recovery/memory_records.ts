import {
  type ClientRecord,
  type RecordedOwner,
  recordKey,
  type RecordStore,
} from "../../src/recovery/record_store.ts";

/** Records in memory that a test can make fail, or lose what was not flushed. */
export class MemoryRecords implements RecordStore {
  /** What `put` fails with. */
  full: Error | undefined;
  /** How often there was something to flush. */
  flushes = 0;
  #durable: ReadonlyMap<string, ClientRecord>;
  #records: Map<string, ClientRecord>;

  constructor(records: readonly ClientRecord[] = []) {
    const entries = records.map((each) => [recordKey(each), each] as const);
    this.#durable = this.#records = new Map(entries);
  }

  /** The store as the next process finds it. */
  afterCrash(): MemoryRecords {
    return new MemoryRecords([...this.#durable.values()]);
  }

  load(): readonly ClientRecord[] {
    return [...this.#records.values()];
  }

  put(record: ClientRecord): void {
    if (this.full !== undefined) throw this.full;
    this.#change().set(recordKey(record), record);
  }

  delete(owner: RecordedOwner): void {
    this.#change().delete(recordKey(owner));
  }

  get isForgetting(): boolean {
    return [...this.#durable.keys()].some((key) => !this.#records.has(key));
  }

  flush(): void {
    if (this.#records === this.#durable) return;
    this.#durable = this.#records;
    this.flushes++;
  }

  [Symbol.dispose](): void {}

  #change(): Map<string, ClientRecord> {
    if (this.#records === this.#durable) this.#records = new Map(this.#durable);
    return this.#records;
  }
}
