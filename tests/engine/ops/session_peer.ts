import { testConnection } from "../../support/connection.ts";
import { assertEquals } from "@std/assert";
import { CompoundContext } from "../../../src/engine/context.ts";
import { defaultLimits } from "../../../src/engine/limits.ts";
import { type AnyOperation, carryOut } from "../../../src/engine/operation.ts";
import { createSession } from "../../../src/engine/ops/create_session.ts";
import { exchangeId } from "../../../src/engine/ops/exchange_id.ts";
import { sequence } from "../../../src/engine/ops/sequence.ts";
import type { Services } from "../../../src/engine/services.ts";
import { silentLogger } from "../../../src/base/log.ts";
import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../../../src/nfs4/constants.ts";
import {
  type ChannelAttributes,
  CreateSessionFlag,
  readChannelAttributes,
} from "../../../src/nfs4/sessions.ts";
import { type Credential, UNKNOWN } from "../../../src/rpc/auth.ts";
import { sysCredential } from "../../../src/rpc/auth_sys.ts";
import { PLAIN } from "../../../src/rpc/security.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  bytes,
  type FixtureOptions,
  StateFixture,
} from "../../state/fixture.ts";
import { noteOutcome } from "./seen_operation.ts";

/** What an operation answered. */
export interface Outcome {
  readonly status: StatusCode;
  readonly result: XdrReader;
  readonly context: CompoundContext;
}

/** How {@linkcode Peer.call} sets the COMPOUND up. */
export interface CallOptions {
  readonly uid?: number | undefined;
  readonly minorVersion?: MinorVersion | undefined;
  /** The operation stands behind this SEQUENCE. */
  readonly after?: Outcome | undefined;
  readonly operationCount?: number | undefined;
  readonly operationIndex?: number | undefined;
  /** What follows the operation in the request. */
  readonly rest?: Uint8Array | undefined;
}

/** State and services without a name space. */
export class SessionServer extends StateFixture {
  readonly services: Services;

  constructor(options: FixtureOptions = {}) {
    super(options);
    const { state, effects, clock, random } = this;
    this.services = {
      state,
      effects,
      clock,
      random,
      limits: defaultLimits,
      log: silentLogger,
    } as unknown as Services;
  }

  /** A connection of a client. */
  connect(uid = 0): Peer {
    return new Peer(this, uid);
  }
}

/** One connection: sends single operations, encoded and decoded for real. */
export class Peer {
  readonly connection = testConnection({
    peer: { hostname: "192.0.2.1", port: 700 },
  });
  readonly #server: SessionServer;
  readonly #uid: number;

  constructor(server: SessionServer, uid: number) {
    this.#server = server;
    this.#uid = uid;
  }

  call(
    operation: AnyOperation,
    write: (xdr: XdrWriter) => void,
    options: CallOptions = {},
  ): Outcome {
    const { after, minorVersion = 1 } = options;
    const request = new XdrWriter();
    write(request);
    if (options.rest !== undefined) request.raw(options.rest);
    const reply = new XdrWriter();
    const context = new CompoundContext({
      services: this.#server.services,
      connection: this.connection,
      credential: credentialOf(options.uid ?? this.#uid),
      replyOverhead: PLAIN.headerSize,
      minorVersion,
      request: new XdrReader(request.slice()),
      reply,
    });
    context.operationCount = options.operationCount ?? (after ? 2 : 1);
    context.operationIndex = options.operationIndex ?? (after ? 1 : 0);
    context.session = after?.context.session;
    context.client = after?.context.client;
    const args = operation.decode(context.request, minorVersion);
    const status = carryOut(operation, context, args);
    context.certain();
    if (typeof status !== "number") throw new TypeError("it must not wait");
    noteOutcome(operation, minorVersion, status);
    if (status !== Status.OK) {
      reply.truncate(0);
      operation.encodeFailure?.(context, status);
    }
    return { status, result: new XdrReader(reply.slice()), context };
  }
}

function credentialOf(uid: number): Credential {
  return uid < 0 ? UNKNOWN : sysCredential({ uid, gid: 0, gids: [] });
}

/** 8 bytes of the same value. */
export function verifier(value: number): Uint8Array {
  return new Uint8Array(8).fill(value);
}

export interface ExchangeOptions extends CallOptions {
  readonly owner?: string | undefined;
  readonly verifier?: number | undefined;
  readonly flags?: number | undefined;
  /** Writes state_protect4_a; SP4_NONE if left out. */
  readonly protection?: ((xdr: XdrWriter) => void) | undefined;
}

/** EXCHANGE_ID; `id`, `sequence` and `flags` are there when it is OK. */
export function exchange(
  peer: Peer,
  options: ExchangeOptions = {},
): Outcome & { id: bigint; sequence: number; flags: number } {
  const outcome = peer.call(exchangeId, (xdr) => {
    xdr.opaqueFixed(verifier(options.verifier ?? 1));
    xdr.opaque(bytes(options.owner ?? "owner"));
    xdr.uint32((options.flags ?? 0) >>> 0);
    if (options.protection !== undefined) options.protection(xdr);
    else xdr.uint32(0);
    xdr.uint32(0);
  }, options);
  if (outcome.status !== Status.OK) {
    return { ...outcome, id: 0n, sequence: 0, flags: 0 };
  }
  const { result } = outcome;
  return {
    ...outcome,
    id: result.uint64(),
    sequence: result.uint32(),
    flags: result.uint32(),
  };
}

/** Attributes that every test channel starts from. */
export const CHANNEL: ChannelAttributes = {
  maxRequestSize: 65_536,
  maxResponseSize: 65_536,
  maxResponseSizeCached: 4_096,
  maxOperations: 16,
  maxRequests: 8,
};

export interface CreateOptions extends CallOptions {
  readonly flags?: number | undefined;
  readonly fore?: Partial<ChannelAttributes> | undefined;
  readonly back?: Partial<ChannelAttributes> | undefined;
  readonly program?: number | undefined;
  /** Writes csa_sec_parms; AUTH_SYS alone if left out. */
  readonly security?: ((xdr: XdrWriter) => void) | undefined;
  /** Elements of ca_rdma_ird of the fore channel. */
  readonly rdma?: number[] | undefined;
}

/** CREATE_SESSION; the rest of the answer is there when it is OK. */
export function create(
  peer: Peer,
  client: { readonly id: bigint; readonly sequence: number },
  options: CreateOptions = {},
): Outcome & {
  session: Uint8Array;
  sequence: number;
  flags: number;
  fore: ChannelAttributes;
  back: ChannelAttributes;
} {
  const outcome = peer.call(createSession, (xdr) => {
    xdr.uint64(client.id);
    xdr.uint32(client.sequence);
    xdr.uint32(
      (options.flags ?? CreateSessionFlag.CONN_BACK_CHAN) >>> 0,
    );
    writeChannel(xdr, { ...CHANNEL, ...options.fore }, options.rdma);
    writeChannel(xdr, { ...CHANNEL, ...options.back });
    xdr.uint32(options.program ?? 0x4000_0000);
    if (options.security !== undefined) options.security(xdr);
    else writeSysSecurity(xdr);
  }, options);
  if (outcome.status !== Status.OK) {
    const none = { session: new Uint8Array(0), sequence: 0, flags: 0 };
    return { ...outcome, ...none, fore: CHANNEL, back: CHANNEL };
  }
  const { result } = outcome;
  const answer = {
    ...outcome,
    session: result.opaqueFixed(16),
    sequence: result.uint32(),
    flags: result.uint32(),
    fore: readChannelAttributes(result),
    back: readChannelAttributes(result),
  };
  assertEquals(result.remaining, 0);
  return answer;
}

export function writeChannel(
  xdr: XdrWriter,
  attributes: ChannelAttributes,
  rdma: number[] = [],
): void {
  xdr.uint32(64);
  xdr.uint32(attributes.maxRequestSize);
  xdr.uint32(attributes.maxResponseSize);
  xdr.uint32(attributes.maxResponseSizeCached);
  xdr.uint32(attributes.maxOperations);
  xdr.uint32(attributes.maxRequests);
  xdr.array(rdma, (out, ird) => out.uint32(ird));
}

/** csa_sec_parms of one AUTH_SYS credential: uid 7, gid 11. */
export function writeSysSecurity(xdr: XdrWriter): void {
  xdr.uint32(1);
  writeSysParms(xdr);
}

/** callback_sec_parms4 of AUTH_SYS. */
export function writeSysParms(xdr: XdrWriter): void {
  xdr.uint32(1);
  xdr.uint32(5);
  xdr.string("callback");
  xdr.uint32(7);
  xdr.uint32(11);
  xdr.array([12, 13], (out, gid) => out.uint32(gid));
}

/** callback_sec_parms4 of RPCSEC_GSS. */
export function writeGssParms(xdr: XdrWriter): void {
  xdr.uint32(6);
  xdr.uint32(3);
  xdr.opaque(bytes("from server"));
  xdr.opaque(bytes("from client"));
}

export interface SequenceOptions extends CallOptions {
  readonly sequence?: number | undefined;
  readonly slot?: number | undefined;
  readonly highestSlot?: number | undefined;
  readonly cacheThis?: boolean | undefined;
}

/** SEQUENCE; `flags` and the slots are there when it is OK and no replay. */
export function sequenceOn(
  peer: Peer,
  session: Uint8Array,
  options: SequenceOptions = {},
): Outcome & { highest: number; target: number; flags: number } {
  const { slot = 0 } = options;
  const outcome = peer.call(sequence, (xdr) => {
    xdr.opaqueFixed(session);
    xdr.uint32(options.sequence ?? 1);
    xdr.uint32(slot);
    xdr.uint32(options.highestSlot ?? slot);
    xdr.bool(options.cacheThis ?? false);
  }, options);
  const { status, result } = outcome;
  if (status !== Status.OK) {
    return { ...outcome, highest: -1, target: -1, flags: 0 };
  }
  assertEquals(result.opaqueFixed(16), session);
  assertEquals(result.uint32(), options.sequence ?? 1);
  assertEquals(result.uint32(), slot);
  const highest = result.uint32();
  const target = result.uint32();
  return { ...outcome, highest, target, flags: result.uint32() };
}

/** A COMPOUND4res of `results` operations that ended with `status`, `filler` told apart. */
export function compoundReply(
  status: StatusCode,
  results: number,
  filler = 0,
): Uint8Array {
  const xdr = new XdrWriter();
  xdr.uint32(status);
  xdr.string("tag");
  xdr.uint32(results);
  xdr.opaque(new Uint8Array(100).fill(filler));
  return xdr.slice();
}

/** A client with one session: EXCHANGE_ID and CREATE_SESSION. */
export function establish(
  peer: Peer,
  options: CreateOptions & Pick<ExchangeOptions, "owner"> = {},
): { id: bigint; sequence: number; session: Uint8Array } {
  const client = exchange(peer, { owner: options.owner });
  assertEquals(client.status, Status.OK);
  const made = create(peer, client, options);
  assertEquals(made.status, Status.OK);
  return {
    id: client.id,
    sequence: client.sequence + 1,
    session: made.session,
  };
}
