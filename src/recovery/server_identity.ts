import { Buffer } from "node:buffer";
import type { RandomBytes } from "../base/clock.ts";

/** What makes a server the same one after a restart. */
export interface ServerIdentity {
  /** Names the server to its clients (so_major_id, RFC 8881 2.5), 32 hexadecimal digits. */
  readonly name: string;
  /** Key of the filehandles' MAC, 16 bytes. */
  readonly handleKey: Uint8Array;
}

const FILE = "identity.json";
const NAME = /^[0-9a-f]{32}$/;
const KEY_SIZE = 16;

/** An identity that no server had before. */
export function newIdentity(random: RandomBytes): ServerIdentity {
  return {
    name: Buffer.from(random(16)).toString("hex"),
    handleKey: random(KEY_SIZE),
  };
}

/**
 * The identity kept in `directory`; made, with the directory, at the first
 * start. Rejects when it can't be read or kept, or is damaged: a new one would
 * make every filehandle stale behind the clients' backs.
 */
export async function loadIdentity(
  directory: string,
  random: RandomBytes,
): Promise<ServerIdentity> {
  const path = `${directory}/${FILE}`;
  try {
    return parse(await Deno.readTextFile(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await write(path, newIdentity(random));
  // Where two servers start at once, the first to link the file names both.
  return parse(await Deno.readTextFile(path), path);
}

/** Whether there is one in `directory`, or may be: {@linkcode loadIdentity} says why it can't be looked at. */
export function isIdentityKept(directory: string): boolean {
  try {
    return Deno.statSync(`${directory}/${FILE}`) !== undefined;
  } catch (error) {
    const { NotFound, NotCapable } = Deno.errors;
    return !(error instanceof NotFound || error instanceof NotCapable);
  }
}

async function write(path: string, identity: ServerIdentity): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  const file = await Deno.open(temporary, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  try {
    const text = JSON.stringify({
      name: identity.name,
      handleKey: Buffer.from(identity.handleKey).toString("hex"),
    });
    await file.write(new TextEncoder().encode(`${text}\n`));
    await file.syncData();
    await Deno.link(temporary, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    file.close();
    await Deno.remove(temporary);
  }
}

function parse(text: string, path: string): ServerIdentity {
  const damaged = new Error(`${path} is damaged: no server identity in it`);
  let value: Partial<Record<string, unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged;
  }
  const { name, handleKey } = value ?? {};
  if (typeof name !== "string" || typeof handleKey !== "string") throw damaged;
  const key = Uint8Array.from(Buffer.from(handleKey, "hex"));
  if (!NAME.test(name) || key.length !== KEY_SIZE) throw damaged;
  return { name, handleKey: key };
}
