import {
  chooseCallbackCredential,
  readCallbackSecParms,
} from "../nfs4/callback_security.ts";
import {
  type MinorVersion,
  OPAQUE_LIMIT,
  SESSIONID_SIZE,
  type StatusCode,
  VERIFIER_SIZE,
} from "../nfs4/constants.ts";
import {
  type ChannelAttributes,
  type DirectionBits,
  readChannelAttributes,
  writeChannelAttributes,
} from "../nfs4/sessions.ts";
import { AuthFlavor, UNKNOWN } from "../rpc/auth.ts";
import { sysCredential, writeAuthSys } from "../rpc/auth_sys.ts";
import type { CallCredential } from "../rpc/call_credential.ts";
import type { Client } from "../state/client.ts";
import type { CallbackPath, Session } from "../state/session.ts";
import type { SlotImage } from "../state/slot_table.ts";
import { XdrReader } from "../xdr/reader.ts";
import { XdrWriter } from "../xdr/writer.ts";

/** What is kept of a client with persistent sessions (RFC 8881 2.10.6.5). */
export interface ClientImage {
  /** co_ownerid. */
  readonly owner: Uint8Array;
  /** co_verifier. */
  readonly verifier: Uint8Array;
  /** Key of its principal. */
  readonly principal: string;
  /** What it shares memory with: `Client.party`; "" where an older version kept it. */
  readonly party: string;
  /** CREATE_SESSION's reply cache. */
  readonly createSession: {
    readonly sequence: number;
    readonly status: StatusCode;
    readonly result: Uint8Array | undefined;
  };
}

/** What is kept of a persistent session. */
export interface SessionImage {
  /** clientid4 of its client. */
  readonly clientid: bigint;
  /** Grows from session to session. */
  readonly order: number;
  readonly minorVersion: MinorVersion;
  readonly fore: ChannelAttributes;
  readonly back: ChannelAttributes;
  readonly callback: CallbackPath | undefined;
  readonly boundAtCreation: DirectionBits;
  readonly hasBackchannel: boolean;
}

/** What a client or session begins with; another version's are not understood. */
const VERSION = 1;
const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** A client, to be kept. */
export function encodeClient(client: Client): Uint8Array {
  const { sequence, status, result } = client.createSession;
  const xdr = new XdrWriter();
  xdr.uint32(VERSION);
  xdr.opaque(client.owner);
  xdr.opaqueFixed(client.verifier);
  xdr.opaque(utf8.encoder.encode(client.principal));
  xdr.uint32(sequence);
  xdr.uint32(status);
  xdr.array(optional(result), (xdr, bytes) => xdr.opaque(bytes));
  // The id of the session that it made: older versions read it.
  xdr.array(
    optional(result),
    (xdr, bytes) => xdr.opaqueFixed(bytes.subarray(0, SESSIONID_SIZE)),
  );
  // Last, where versions that know nothing of it don't look.
  xdr.opaque(utf8.encoder.encode(client.party));
  return xdr.slice();
}

/** A client that was kept; throws XdrError for what is none. */
export function decodeClient(bytes: Uint8Array): ClientImage {
  const xdr = begin(bytes);
  const client = {
    owner: xdr.opaque(OPAQUE_LIMIT).slice(),
    verifier: xdr.opaqueFixed(VERIFIER_SIZE).slice(),
    principal: utf8.decoder.decode(xdr.opaque(OPAQUE_LIMIT)),
    createSession: {
      sequence: xdr.uint32(),
      status: xdr.uint32() as StatusCode,
      result: xdr.array(1, (one) => one.opaque(OPAQUE_LIMIT).slice())[0],
    },
  };
  xdr.array(1, (one) => one.opaqueFixed(SESSIONID_SIZE));
  const party = xdr.remaining === 0
    ? ""
    : utf8.decoder.decode(xdr.opaque(OPAQUE_LIMIT));
  return { ...client, party };
}

/** A session, to be kept; `order` as in {@linkcode SessionImage}. */
export function encodeSession(session: Session, order: number): Uint8Array {
  const { callback } = session;
  const xdr = new XdrWriter();
  xdr.uint32(VERSION);
  xdr.uint64(session.client.id);
  xdr.uint64Number(order);
  xdr.uint32(session.minorVersion);
  writeChannelAttributes(xdr, session.fore);
  writeChannelAttributes(xdr, session.back);
  xdr.uint32(session.boundAtCreation);
  xdr.bool(session.hasBackchannel);
  xdr.uint32(callback?.program ?? 0);
  xdr.array(optional(callback?.credential), writeCredential);
  return xdr.slice();
}

/** A session that was kept; throws XdrError for what is none. */
export function decodeSession(bytes: Uint8Array): SessionImage {
  const xdr = begin(bytes);
  const image = {
    clientid: xdr.uint64(),
    order: xdr.uint64Number(),
    minorVersion: xdr.discriminant(2) as MinorVersion,
    fore: readChannelAttributes(xdr),
    back: readChannelAttributes(xdr),
    boundAtCreation: xdr.discriminant(3) as DirectionBits,
    hasBackchannel: xdr.bool(),
  };
  const program = xdr.uint32();
  const credential = chooseCallbackCredential(readCallbackSecParms(xdr));
  const callback = credential && { program, credential };
  return { ...image, callback };
}

/** Bytes in front of the principal and the reply: flags, sequence, length, digest, bytes of the principal. */
const SLOT_HEADER = 20;
const ANSWERED = 1;
const HAS_REPLY = 2;
/** The principal is there by its key; stores of before have a uid in place of its length. */
const HAS_KEY = 4;
/** Bytes of a principal's key at most, of a character each: three in UTF-8. */
const KEY_ROOM = 3;

/** Writes slots, one after the other, into memory of its own. */
export class SlotEncoder {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);

  /** A slot, to be kept: a view that is good until the next one. */
  encode(image: SlotImage): Uint8Array {
    const { reply, principal } = image;
    const most = SLOT_HEADER + KEY_ROOM * principal.length +
      (reply?.length ?? 0);
    if (most > this.#bytes.length) {
      this.#bytes = new Uint8Array(2 * most);
      this.#view = new DataView(this.#bytes.buffer);
    }
    const view = this.#view;
    const flags = (image.isAnswered ? ANSWERED : 0) |
      (reply === undefined ? 0 : HAS_REPLY) | HAS_KEY;
    const key = this.#bytes.subarray(SLOT_HEADER);
    const { written } = utf8.encoder.encodeInto(principal, key);
    const replyAt = SLOT_HEADER + written;
    view.setUint32(0, flags);
    view.setUint32(4, image.sequence);
    view.setUint32(8, image.length);
    view.setInt32(12, image.digest);
    view.setUint32(16, written);
    if (reply !== undefined) this.#bytes.set(reply, replyAt);
    return this.#bytes.subarray(0, replyAt + (reply?.length ?? 0));
  }
}

/** A slot that was kept; throws what is not one. */
export function decodeSlot(bytes: Uint8Array): SlotImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint32(0);
  const hasKey = (flags & HAS_KEY) !== 0;
  const replyAt = SLOT_HEADER + (hasKey ? view.getUint32(16) : 0);
  return {
    isAnswered: (flags & ANSWERED) !== 0,
    sequence: view.getUint32(4),
    length: view.getUint32(8),
    digest: view.getInt32(12),
    principal: hasKey
      ? utf8.decoder.decode(bytes.subarray(SLOT_HEADER, replyAt))
      : keyOfUid(view.getInt32(16)),
    reply: flags & HAS_REPLY ? bytes.subarray(replyAt) : undefined,
  };
}

/** A uid is unsigned; what was kept for AUTH_NONE is -1, which no user has. */
function keyOfUid(kept: number): string {
  if (kept === -1) return UNKNOWN.principal;
  return sysCredential({ uid: kept >>> 0, gid: 0, gids: [] }).principal;
}

/** As a callback_sec_parms4 (RFC 8881 18.33.1), which there is a reader for. */
function writeCredential(xdr: XdrWriter, credential: CallCredential): void {
  xdr.uint32(credential.flavor);
  if (credential.flavor === AuthFlavor.SYS) writeAuthSys(xdr, credential);
}

function optional<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

function begin(bytes: Uint8Array): XdrReader {
  const xdr = new XdrReader(bytes);
  xdr.discriminant(VERSION);
  return xdr;
}
