import { XdrError } from "../xdr/error.ts";
import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { AuthFlavor, AuthStatus, type Credential } from "./auth.ts";
import type { Connection } from "./handlers.ts";
import type { AcceptStatus } from "./message.ts";
import { RECORD_MARK_SIZE } from "./record_framer.ts";

/** How the reply to one call is protected. */
export interface Seal {
  /** Bytes of the header of an accepted reply, with the verifier. */
  readonly headerSize: number;
  /** Bytes that results may grow by when they are sealed. */
  readonly overhead: number;
  /** Writes the verifier, an opaque_auth, into the header of an accepted reply. */
  writeVerifier(reply: XdrWriter): void;
  /**
   * Protects the results of a reply as it leaves, which begin at `at` and end
   * where the writer is; only those of SUCCESS. Left out where they leave as
   * they are.
   */
  readonly seal?: (reply: XdrWriter, at: number) => void;
}

/** What a flavour made of a call. */
export interface OpenedCall {
  /** The caller, as the flavour found it. */
  readonly credential: Credential;
  /** For its reply. */
  readonly seal: Seal;
  /** The arguments in clear, where they are not the rest of the message. */
  readonly body?: XdrReader;
  /** Answers a call that is the flavour's own business, as `RpcHandlers.call` does. */
  readonly answer?: (
    results: XdrWriter,
    connection: Connection,
  ) => AcceptStatus | Promise<AcceptStatus>;
}

/** A security flavour (RFC 5531 8.2), on one connection. */
export interface SecurityFlavor {
  /** Its auth_flavor. */
  readonly flavor: number;
  /**
   * Opens a call: `xdr` is at the body of the credential, {@linkcode
   * CREDENTIAL_AT} bytes behind its xid, and is to be behind the verifier.
   * Returns the status of a call that must be denied; throws XdrError for one
   * that is cut short.
   */
  open(xdr: XdrReader, length: number): OpenedCall | AuthStatus;
}

/** Offset of the credential's body from a call's xid. */
export const CREDENTIAL_AT = 32;

/** RFC 5531 8.2: opaque body<400>. */
const MAX_BODY = 400;

/** The security flavours of one connection. */
export class CallSecurity {
  readonly #flavors: readonly SecurityFlavor[];

  /** Others than `flavors` are denied. */
  constructor(flavors: readonly SecurityFlavor[]) {
    this.#flavors = flavors;
  }

  /** Reads the credential and the verifier of a call, as {@linkcode SecurityFlavor.open}. */
  open(xdr: XdrReader): OpenedCall | AuthStatus {
    const flavor = xdr.uint32();
    const length = xdr.uint32();
    if (length > MAX_BODY) return AuthStatus.BADCRED;
    for (const each of this.#flavors) {
      if (each.flavor === flavor) return each.open(xdr, length);
    }
    // RFC 5531 appendix A: we gave out no shorthand; the caller is to send its
    // AUTH_SYS credential again.
    return flavor === AuthFlavor.SHORT
      ? AuthStatus.REJECTEDCRED
      : AuthStatus.TOOWEAK;
  }
}

/** The replies of flavours that protect nothing: the verifier is AUTH_NONE's, of no bytes. */
export const PLAIN: Seal = {
  headerSize: 24,
  overhead: 0,
  writeVerifier(reply) {
    reply.uint32(AuthFlavor.NONE);
    reply.uint32(0);
  },
};

/** Where the results of an accepted reply begin whose record mark is at `recordAt`. */
export function resultsAt(recordAt: number, { headerSize }: Seal): number {
  return recordAt + RECORD_MARK_SIZE + headerSize;
}

/** Reads the verifier of a flavour that proves nothing, which is AUTH_NONE's; whether it is. */
export function readEmptyVerifier(xdr: XdrReader): boolean {
  const flavor = xdr.uint32();
  const length = xdr.uint32();
  if (flavor !== AuthFlavor.NONE || length > MAX_BODY) return false;
  skipOpaque(xdr, length);
  return true;
}

/** Skips the bytes of an opaque whose length was read. */
export function skipOpaque(xdr: XdrReader, length: number): void {
  const padded = (length + 3) & ~3;
  if (padded > xdr.remaining) throw new XdrError("opaque_auth is cut short");
  xdr.position += padded;
}
