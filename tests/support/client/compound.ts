/** COMPOUND: arguments written, the reply read and held against the request. */

import { Op, Status } from "../../../src/nfs4/constants.ts";
import type { XdrReader } from "../../../src/xdr/reader.ts";
import type { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  isStatus,
  messageOf,
  type OpName,
  opName,
  sameBytes,
  statusName,
} from "./names.ts";
import { bytesOf, type Component, type Request } from "./request.ts";
import {
  type ErrorResult,
  okDecoders,
  type OkResult,
  readError,
} from "./results.ts";
import { expectEnd } from "./rpc.ts";
import { noteError } from "../seen_errors.ts";

/** A COMPOUND to be sent. */
export interface CompoundRequest {
  readonly minorVersion: number;
  readonly ops: readonly Request[];
  /** Empty by default. */
  readonly tag?: Component | undefined;
  /** Length of argarray where it is to differ from the operations that follow. */
  readonly operationCount?: number | undefined;
}

/** The result of one operation. */
export interface OperationResult {
  readonly number: number;
  readonly name: string;
  readonly status: number;
  /** The OK arm, or what the error carries. */
  readonly value: ErrorResult;
}

/** An answer that does not follow the protocol. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
}

/** A status that the test did not expect. */
export class NfsError extends Error {
  override readonly name = "NfsError";
  /** What came. */
  readonly status: number;
  /** The whole answer. */
  readonly reply: CompoundReply;

  constructor(reply: CompoundReply, expected: readonly number[]) {
    const wanted = expected.map(statusName).join(" or ");
    super(`${reply.describe()} instead of ${wanted}`);
    this.status = reply.status;
    this.reply = reply;
  }
}

/** The answer to a COMPOUND. */
export class CompoundReply {
  /** Status of the last operation carried out. */
  readonly status: number;
  /** One for each operation carried out. */
  readonly results: readonly OperationResult[];
  /** COMPOUND4res as it came, to compare a replay with. */
  readonly bytes: Uint8Array;

  constructor(
    status: number,
    results: readonly OperationResult[],
    bytes: Uint8Array,
  ) {
    this.status = status;
    this.results = results;
    this.bytes = bytes;
  }

  /** What the `index`-th operation of this name answered; it must be there, and OK. */
  get<N extends OpName>(name: N, index = 0): OkResult<N> {
    const found = this.results.filter((result) => result.name === name)[index];
    if (found === undefined) {
      throw new Error(`no ${name} ${index} in ${this.describe()}`);
    }
    if (found.status !== Status.OK) {
      throw new Error(`${name} answered ${statusName(found.status)}`);
    }
    return found.value as OkResult<N>;
  }

  /** Whether an operation of this name answered NFS4_OK. */
  has(name: OpName): boolean {
    return this.results.some((result) =>
      result.name === name && result.status === Status.OK
    );
  }

  /** The last result, which is the failed one where there is one. */
  get last(): OperationResult | undefined {
    return this.results.at(-1);
  }

  /** "PUTROOTFH OK, LOOKUP NOENT". */
  describe(): string {
    if (this.results.length === 0) return `COMPOUND ${statusName(this.status)}`;
    return this.results
      .map((result) => `${result.name} ${statusName(result.status)}`)
      .join(", ");
  }
}

/** Writes COMPOUND4args (RFC 8881 16.2.1). */
export function writeCompound(xdr: XdrWriter, compound: CompoundRequest): void {
  xdr.opaque(bytesOf(compound.tag ?? ""));
  xdr.uint32(compound.minorVersion);
  xdr.uint32(compound.operationCount ?? compound.ops.length);
  for (const op of compound.ops) {
    xdr.uint32(op.number);
    op.encode(xdr);
  }
}

/** Reads COMPOUND4res, all of it, and checks that it answers the request. */
export function readCompound(
  xdr: XdrReader,
  compound: CompoundRequest,
): CompoundReply {
  const { tag, reply } = readAnyCompound(xdr, compound.minorVersion);
  const { results, status } = reply;
  const sent = bytesOf(compound.tag ?? "");
  // RFC 8881 16.2.3: the tag of the request is what the reply has.
  if (!sameBytes(tag, sent)) {
    throw new ProtocolViolation("tag of the reply is not that of the request");
  }
  const { ops } = compound;
  if (results.length > ops.length) {
    throw new ProtocolViolation(
      `${results.length} results for ${ops.length} operations`,
    );
  }
  results.forEach(({ number, name }, i) => {
    // RFC 8881 16.2.3: a number out of range comes back as OP_ILLEGAL.
    if (number !== ops[i]!.number && number !== Op.ILLEGAL) {
      throw new ProtocolViolation(
        `result of ${name} for ${opName(ops[i]!.number)}`,
      );
    }
  });
  if (status === Status.OK && results.length !== ops.length) {
    throw new ProtocolViolation(
      `OK after ${results.length} of ${ops.length} operations`,
    );
  }
  return reply;
}

/** Reads COMPOUND4res, all of it, for whatever request it answers. */
export function readAnyCompound(
  xdr: XdrReader,
  minorVersion: number,
): { readonly tag: Uint8Array; readonly reply: CompoundReply } {
  const start = xdr.position;
  const status = xdr.uint32();
  if (!isStatus(status)) throw new ProtocolViolation(`status ${status}`);
  const tag = xdr.opaque(65536).slice();
  const results = xdr.array(65536, (xdr) => readResult(xdr, minorVersion));
  expectEnd(xdr, "the last result");
  const bytes = xdr.bytes.slice(start, xdr.position);
  const reply = new CompoundReply(status, results, bytes);
  checkStatuses(reply);
  if (status !== Status.OK) {
    noteError(reply.last?.name ?? "COMPOUND", minorVersion, statusName(status));
  }
  return { tag, reply };
}

function readResult(xdr: XdrReader, minor: number): OperationResult {
  const number = xdr.uint32();
  const name = opName(number) as OpName;
  if (!(name in okDecoders)) {
    throw new ProtocolViolation(`result of ${name}`);
  }
  const status = xdr.uint32();
  if (!isStatus(status)) {
    throw new ProtocolViolation(`${name} with status ${status}`);
  }
  if ((number === Op.ILLEGAL) !== (status === Status.OP_ILLEGAL)) {
    throw new ProtocolViolation(`${name} with ${statusName(status)}`);
  }
  try {
    const value = status === Status.OK
      ? okDecoders[name](xdr, minor)
      : readError(xdr, name, status);
    return { number, name, status, value: value as ErrorResult };
  } catch (cause) {
    throw new ProtocolViolation(`${name}: ${messageOf(cause)}`, { cause });
  }
}

// RFC 8881 16.2.3: processing stops at the first error, whose status is the COMPOUND's.
function checkStatuses(reply: CompoundReply): void {
  const { results, status, last } = reply;
  if (results.slice(0, -1).some((result) => result.status !== Status.OK)) {
    throw new ProtocolViolation(`results go on behind ${reply.describe()}`);
  }
  if (last && last.status !== status) {
    throw new ProtocolViolation(
      `COMPOUND ${statusName(status)} but ${reply.describe()}`,
    );
  }
}
