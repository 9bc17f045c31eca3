import { XdrError } from "../xdr/error.ts";
import { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";

/** auth_flavor (RFC 5531 8.2). */
export const AuthFlavor = {
  NONE: 0,
  SYS: 1,
  SHORT: 2,
  DH: 3,
  RPCSEC_GSS: 6,
} as const;

/** auth_stat (RFC 5531 section 9), as far as this server sends it. */
export const AuthStatus = {
  BADCRED: 1,
  REJECTEDCRED: 2,
  BADVERF: 3,
  TOOWEAK: 5,
} as const;

/** One of {@linkcode AuthStatus}. */
export type AuthStatus = typeof AuthStatus[keyof typeof AuthStatus];

/** A user and its groups, by number. */
export interface UserNumbers {
  /** Effective user ID. */
  readonly uid: number;
  /** Effective group ID. */
  readonly gid: number;
  /** Further groups. */
  readonly gids: readonly number[];
}

/**
 * What has to speak for the word of an AUTH_SYS caller: "owner", the user that
 * holds the other end of its connection; "port", that end's number, which only
 * root may take where it is a small one; "any", nothing.
 */
export type Trust = "owner" | "port" | "any";

/** Who a caller is where this or that has to speak for it; `undefined`: nobody in particular. */
export type Standing = Readonly<Record<Trust, UserNumbers | undefined>>;

/** Says what an AUTH_SYS credential is worth on the connection that it came on. */
export type Voucher = (claimed: SysCredential) => Credential;

/** A caller that doesn't say who it is, or isn't believed. */
export interface NoneCredential {
  /** AUTH_NONE. */
  readonly flavor: typeof AuthFlavor.NONE;
  /** Of one that isn't believed. */
  readonly standing?: Standing;
}

/** A caller by its numbers on its own machine (RFC 5531 appendix A). */
export interface SysCredential extends UserNumbers {
  /** AUTH_SYS. */
  readonly flavor: typeof AuthFlavor.SYS;
  /** Any number, of a credential to call with; of a caller's it is not read. */
  readonly stamp?: number;
  /** What the caller's machine calls itself. */
  readonly machineName: string;
  /** Where a {@linkcode Voucher} has seen it: the numbers of the credential are those of the strictest way then. */
  readonly standing?: Standing;
}

/** Who calls; the same object for the same bytes on one connection. */
export type Credential = NoneCredential | SysCredential;

/** The one value of {@linkcode NoneCredential}. */
export const AUTH_NONE: NoneCredential = { flavor: AuthFlavor.NONE };

const MAX_BODY = 400;
const MAX_MACHINE_NAME = 255;
const MAX_GIDS = 16;
const REMEMBERED = 16;
const STAMP_SIZE = 4;
const lossyUtf8 = new TextDecoder();

interface Remembered {
  readonly body: Uint8Array;
  readonly credential: Credential;
}

/**
 * Reads the credentials and verifiers of one connection's calls. A client
 * sends the same few over and over: these are compared, not parsed again, and
 * come out as the same object, which upper layers may key their own caches by.
 */
export class CredentialReader {
  /** Sees each AUTH_SYS credential once; they are taken at their word if left out. */
  vouch: Voucher | undefined;
  /** The callers seen last, the most recent first. */
  readonly #recent: Remembered[] = [];

  /**
   * Reads an opaque_auth credential and the verifier behind it. Returns the
   * status of a caller that must be refused; `xdr` is somewhere inside then.
   */
  read(xdr: XdrReader): Credential | AuthStatus {
    const flavor = xdr.uint32();
    const length = xdr.uint32();
    // RFC 5531 8.2: opaque body<400>.
    if (length > MAX_BODY) return AuthStatus.BADCRED;
    const at = xdr.position;
    const credential = flavor === AuthFlavor.SYS
      ? this.#sys(xdr, length)
      : other(flavor);
    if (typeof credential === "number") return credential;
    xdr.position = at;
    skip(xdr, length);
    // RFC 5531 appendix A: the verifier with AUTH_SYS is AUTH_NONE's.
    const verifier = xdr.uint32();
    const verifierLength = xdr.uint32();
    if (verifier !== AuthFlavor.NONE || verifierLength > MAX_BODY) {
      return AuthStatus.BADVERF;
    }
    skip(xdr, verifierLength);
    return credential;
  }

  #sys(xdr: XdrReader, length: number): Credential | AuthStatus {
    const recent = this.#recent;
    for (let i = 0; i < recent.length; i++) {
      const entry = recent[i];
      if (!sameCaller(entry.body, xdr, length)) continue;
      if (i > 0) {
        recent.splice(i, 1);
        recent.unshift(entry);
      }
      return entry.credential;
    }
    if (length > xdr.remaining) throw new XdrError("credential is cut short");
    const body = xdr.bytes.slice(xdr.position, xdr.position + length);
    const claimed = parseSys(body);
    if (typeof claimed === "number") return claimed;
    const credential = this.vouch === undefined ? claimed : this.vouch(claimed);
    if (recent.unshift({ body, credential }) > REMEMBERED) recent.pop();
    return credential;
  }
}

/** Writes `credential` as an opaque_auth, for a call of our own. */
export function writeCredential(xdr: XdrWriter, credential: Credential): void {
  xdr.uint32(credential.flavor);
  const lengthAt = xdr.position;
  xdr.uint32(0);
  if (credential.flavor === AuthFlavor.NONE) return;
  xdr.uint32(credential.stamp ?? 0);
  xdr.string(credential.machineName);
  xdr.uint32(credential.uid);
  xdr.uint32(credential.gid);
  xdr.array(credential.gids, (out, gid) => out.uint32(gid));
  xdr.patchUint32(lengthAt, xdr.position - lengthAt - 4);
}

function other(flavor: number): NoneCredential | AuthStatus {
  // RFC 5531 10.1: what an AUTH_NONE carries is undefined, so it is not read.
  if (flavor === AuthFlavor.NONE) return AUTH_NONE;
  // RFC 5531 appendix A: we gave out no shorthand; the caller is to send its
  // AUTH_SYS credential again.
  if (flavor === AuthFlavor.SHORT) return AuthStatus.REJECTEDCRED;
  return AuthStatus.TOOWEAK;
}

function parseSys(body: Uint8Array): SysCredential | AuthStatus {
  try {
    const xdr = new XdrReader(body, STAMP_SIZE);
    const machineName = lossyUtf8.decode(xdr.opaque(MAX_MACHINE_NAME));
    const uid = xdr.uint32();
    const gid = xdr.uint32();
    const gids = xdr.array(MAX_GIDS, (item) => item.uint32());
    if (xdr.remaining > 0) return AuthStatus.BADCRED;
    return { flavor: AuthFlavor.SYS, machineName, uid, gid, gids };
  } catch (error) {
    if (error instanceof XdrError) return AuthStatus.BADCRED;
    throw error;
  }
}

/** The stamp is any number, and some clients send another each second. */
function sameCaller(
  body: Uint8Array,
  xdr: XdrReader,
  length: number,
): boolean {
  if (body.length !== length) return false;
  const { bytes, position } = xdr;
  // Backwards: the numbers differ more often than the machine name.
  for (let i = length - 1; i >= STAMP_SIZE; i--) {
    if (body[i] !== bytes[position + i]) return false;
  }
  return true;
}

function skip(xdr: XdrReader, length: number): void {
  const padded = (length + 3) & ~3;
  if (padded > xdr.remaining) throw new XdrError("opaque_auth is cut short");
  xdr.position += padded;
}
