import { createHash } from "node:crypto";
import { RecentMap } from "../../base/recent_map.ts";
import { hashOf } from "../exports.ts";

/*
 * What names the attributes of a file or folder, with no more to keep than that has:
 * the identity of the bearer, and for one of them a digest of its name behind it.
 */

/** Bytes of a digest: no client finds two names of one. */
export const NAME_DIGEST = 16;

/** Numbers from here on are those of attributes: the lower ones are left to files. */
const FIRST_FILEID = 2 ** 52;

/** Names that digests are known of: all of one file are gone through for one of them. */
const MOST_KNOWN = 8192;
const known = new RecentMap<string, Uint8Array>(MOST_KNOWN);

/** What stands for a name in an identity: not to be changed. */
export function digestOf(name: string): Uint8Array {
  let digest = known.get(name);
  if (digest === undefined) {
    const hash = hashOf("named attribute", name);
    digest = new Uint8Array(hash.subarray(0, NAME_DIGEST));
    known.set(name, digest);
  }
  return digest;
}

/** The identity of an attribute of a bearer with that one. */
export function attributeIdentity(
  bearer: Uint8Array,
  name: string,
): Uint8Array {
  const identity = new Uint8Array(bearer.length + NAME_DIGEST);
  identity.set(bearer);
  identity.set(digestOf(name), bearer.length);
  return identity;
}

/** The number of what has an identity of these. */
export function fileidOf(identity: Uint8Array): number {
  const hash = createHash("sha256").update(identity).digest();
  return FIRST_FILEID + hash.readUIntBE(0, 6) * 16 + (hash[6]! & 15);
}
