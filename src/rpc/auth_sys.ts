import { NO_ID } from "../base/option_values.ts";
import { XdrError } from "../xdr/error.ts";
import { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import {
  AuthFlavor,
  AuthStatus,
  type Credential,
  isDenial,
  type Standing,
  UNKNOWN,
  type UserNumbers,
} from "./auth.ts";
import {
  type OpenedCall,
  PLAIN,
  readEmptyVerifier,
  type SecurityFlavor,
  skipOpaque,
} from "./security.ts";

/** authsys_parms (RFC 5531 appendix A): a caller by its numbers on its own machine. */
export interface AuthSysParms extends UserNumbers {
  /** A number that the caller's machine chose. */
  readonly stamp: number;
  /** What the caller's machine calls itself, at most 255 bytes. */
  readonly machineName: string;
}

/** Tells which user an AUTH_SYS caller is, on the connection that it came on. */
export type Voucher = (claimed: UserNumbers) => Credential;

const MAX_MACHINE_NAME = 255;
const MAX_GIDS = 16;
const REMEMBERED = 16;
const STAMP_SIZE = 4;
const lossyUtf8 = new TextDecoder();

/** Reads authsys_parms; a machine name need not be UTF-8. */
export function readAuthSys(xdr: XdrReader): AuthSysParms {
  return {
    stamp: xdr.uint32(),
    machineName: lossyUtf8.decode(xdr.opaque(MAX_MACHINE_NAME)),
    uid: xdr.uint32(),
    gid: xdr.uint32(),
    gids: xdr.array(MAX_GIDS, (item) => item.uint32()),
  };
}

/** Writes authsys_parms. */
export function writeAuthSys(xdr: XdrWriter, parms: AuthSysParms): void {
  xdr.uint32(parms.stamp);
  xdr.string(parms.machineName);
  xdr.uint32(parms.uid);
  xdr.uint32(parms.gid);
  xdr.array(parms.gids, (out, gid) => out.uint32(gid));
}

/** The credential of a user; `standing` where it is another by other terms. */
export function sysCredential(
  user: UserNumbers,
  standing?: Standing,
): Credential {
  const principal = `sys:${user.uid}`;
  return { flavor: AuthFlavor.SYS, principal, user, standing };
}

interface Remembered {
  readonly body: Uint8Array;
  readonly opened: OpenedCall;
}

/**
 * AUTH_SYS (RFC 5531 appendix A) on one connection. A client sends the same few
 * credentials over and over: these are compared, not parsed again, and come out
 * as the same object, which upper layers may key their own caches by.
 */
export class SysFlavor implements SecurityFlavor {
  readonly flavor = AuthFlavor.SYS;
  readonly #vouch: Voucher;
  /** The callers seen last, the most recent first. */
  readonly #recent: Remembered[] = [];

  /** `vouch` is asked once for each caller; they are taken at their word if left out. */
  constructor(vouch: Voucher = sysCredential) {
    this.#vouch = vouch;
  }

  open(xdr: XdrReader, length: number): OpenedCall | AuthStatus {
    const opened = this.#recall(xdr, length) ?? this.#read(xdr, length);
    if (isDenial(opened)) return opened;
    skipOpaque(xdr, length);
    return readEmptyVerifier(xdr) ? opened : AuthStatus.BADVERF;
  }

  #recall(xdr: XdrReader, length: number): OpenedCall | undefined {
    const recent = this.#recent;
    for (let i = 0; i < recent.length; i++) {
      const entry = recent[i]!;
      if (!sameCaller(entry.body, xdr, length)) continue;
      if (i > 0) {
        recent.splice(i, 1);
        recent.unshift(entry);
      }
      return entry.opened;
    }
    return undefined;
  }

  /** Leaves `xdr` where it is. */
  #read(xdr: XdrReader, length: number): OpenedCall | AuthStatus {
    if (length > xdr.remaining) throw new XdrError("credential is cut short");
    const body = xdr.bytes.slice(xdr.position, xdr.position + length);
    const claimed = parse(body);
    if (claimed === undefined) return AuthStatus.BADCRED;
    const { uid, gid } = claimed;
    const gids = claimed.gids.filter((gid) => gid !== NO_ID);
    // No user has it, and what such a caller makes would be the server's own.
    const isUser = uid !== NO_ID && gid !== NO_ID;
    const credential = isUser ? this.#vouch({ uid, gid, gids }) : UNKNOWN;
    const opened = { credential, seal: PLAIN };
    if (this.#recent.unshift({ body, opened }) > REMEMBERED) this.#recent.pop();
    return opened;
  }
}

function parse(body: Uint8Array): AuthSysParms | undefined {
  try {
    const xdr = new XdrReader(body);
    const parms = readAuthSys(xdr);
    return xdr.remaining > 0 ? undefined : parms;
  } catch (error) {
    if (error instanceof XdrError) return undefined;
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
