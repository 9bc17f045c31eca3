import { assertEquals } from "@std/assert";
import { readdir } from "../../../src/engine/ops/readdir.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { bits, type Compound } from "./fixture.ts";

/** How to ask for a part of a folder. */
export interface ListOptions {
  readonly cookie?: number | undefined;
  readonly verifier?: Uint8Array | undefined;
  readonly dirCount?: number | undefined;
  readonly maxCount?: number | undefined;
  readonly attributes?: readonly number[] | undefined;
}

/** What a READDIR answered. */
export interface Listed {
  readonly status: string;
  readonly names: string[];
  readonly cookies: number[];
  /** The values of each entry, behind bitmap and length. */
  readonly attributes: XdrReader[];
  /** The first word of each entry's bitmap. */
  readonly masks: number[];
  readonly verifier: Uint8Array;
  readonly eof: boolean;
  /** Bytes of the READDIR4resok. */
  readonly bytes: number;
}

/** READDIR of the current filehandle. */
export async function readPart(
  compound: Compound,
  options: ListOptions = {},
): Promise<Listed> {
  const { cookie = 0, verifier = new Uint8Array(8) } = options;
  const { dirCount = 0, maxCount = 8192, attributes = [] } = options;
  // Each part is asked for by a COMPOUND of its own.
  compound.context.reply.truncate(compound.context.replyStart);
  const { status, result } = await compound.run(readdir, (xdr) => {
    xdr.uint64Number(cookie);
    xdr.opaqueFixed(verifier);
    xdr.uint32(dirCount);
    xdr.uint32(maxCount);
    bits(...attributes)(xdr);
  });
  const bytes = result.remaining;
  const ok = status === "NFS4_OK";
  const listed = {
    status,
    names: [] as string[],
    cookies: [] as number[],
    attributes: [] as XdrReader[],
    masks: [] as number[],
    verifier: ok ? result.opaqueFixed(8) : new Uint8Array(8),
  };
  while (ok && result.bool()) {
    listed.cookies.push(result.uint64Number());
    listed.names.push(result.string(255));
    const words = result.array(3, (xdr) => xdr.uint32());
    listed.masks.push(words[0] ?? 0);
    listed.attributes.push(new XdrReader(result.opaque(10_000)));
  }
  const eof = ok && result.bool();
  assertEquals(result.remaining, 0);
  return { ...listed, eof, bytes };
}

/** The whole folder, part by part. */
export async function list(
  compound: Compound,
  options: ListOptions = {},
): Promise<Pick<Listed, "names" | "attributes" | "cookies">> {
  const all: Listed[] = [];
  let part: Listed | undefined;
  do {
    part = await readPart(compound, {
      ...options,
      cookie: part?.cookies.at(-1),
      verifier: part?.verifier,
    });
    assertEquals(part.status, "NFS4_OK");
    all.push(part);
  } while (!part.eof);
  return {
    names: all.flatMap((part) => part.names),
    cookies: all.flatMap((part) => part.cookies),
    attributes: all.flatMap((part) => part.attributes),
  };
}
