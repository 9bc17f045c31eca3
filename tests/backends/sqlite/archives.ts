import { concat } from "@std/bytes";
import {
  encodeEnd,
  encodeMember,
} from "../../../src/backends/sqlite/tar/encode.ts";
import {
  checksumOf,
  type Member,
} from "../../../src/backends/sqlite/tar/header.ts";
import type { Timestamp } from "../../../src/vfs/mod.ts";
import { pattern } from "./fixture.ts";

/** A moment. */
export const time = (seconds: number, nanoseconds: number): Timestamp => ({
  seconds,
  nanoseconds,
});

/** A stream of `bytes` in pieces of a length that fits nothing. */
export function streamOf(
  bytes: Uint8Array,
  piece = 777,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, at += piece));
    },
  });
}

/** An archive of members, and of bytes between them. */
export function archive(
  ...members: (Partial<Member> | Uint8Array)[]
): Uint8Array {
  const parts = members.map((member) =>
    member instanceof Uint8Array ? member : encodeMember({
      ...{ path: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0 },
      ...{ mtime: time(0, 0), target: "", major: 0, minor: 0 },
      ...member,
    })
  );
  parts.push(encodeEnd());
  return concat(parts);
}

/** The first block of a member's bytes. */
export function block(length: number): Uint8Array {
  const bytes = new Uint8Array(512);
  bytes.set(pattern(length, 1));
  return bytes;
}

/** A header that was changed, with its sum. */
export function summed(header: Uint8Array): Uint8Array {
  const sum = checksumOf(header.subarray(0, 512)).toString(8).padStart(6, "0");
  new TextEncoder().encodeInto(sum, header.subarray(148));
  return header;
}

/** A header by itself, without records before it, after `change` was made to it. */
export function bare(
  change: (header: Uint8Array) => void,
  of: Partial<Member> = {},
): Uint8Array {
  // Behind the header and the block of its pax records.
  const header = archive(of).slice(1024, 1536);
  change(header);
  return summed(header);
}
