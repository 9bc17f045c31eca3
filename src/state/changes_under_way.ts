import type { Client } from "./client.ts";

/** A change of a file that waits for the file system, and whose request it is. */
export interface ChangeUnderWay {
  /** `FileRef.key`. */
  readonly file: string;
  /** Undefined where a request of NFSv4.0 does not tell. */
  readonly client: Client | undefined;
}

/**
 * The changes of files that were found to be in conflict with no delegation and
 * are being made: until they are done no other client gets one, or it would read
 * what was there before and rely on it (RFC 8881 10.4.1).
 */
export class ChangesUnderWay {
  /** By file, how many each client makes. */
  readonly #byFile = new Map<string, Map<Client | undefined, number>>();

  /** Files that are being changed. */
  get files(): number {
    return this.#byFile.size;
  }

  /** A change begins to wait. */
  begin({ file, client }: ChangeUnderWay): void {
    let clients = this.#byFile.get(file);
    if (clients === undefined) this.#byFile.set(file, clients = new Map());
    clients.set(client, (clients.get(client) ?? 0) + 1);
  }

  /** It is made, or has failed. */
  end({ file, client }: ChangeUnderWay): void {
    const clients = this.#byFile.get(file)!;
    const count = clients.get(client)! - 1;
    if (count > 0) return void clients.set(client, count);
    clients.delete(client);
    if (clients.size === 0) this.#byFile.delete(file);
  }

  /** Whether a client other than this one is changing the file. */
  areOthers(file: string, client: Client): boolean {
    const clients = this.#byFile.get(file);
    return clients !== undefined && (clients.size > 1 || !clients.has(client));
  }
}
