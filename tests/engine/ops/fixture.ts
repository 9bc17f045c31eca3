import { systemWallClock } from "../../../src/base/wall_clock.ts";
import { testConnection } from "../../support/connection.ts";
import { assertEquals } from "@std/assert";
import { FakeClock } from "../../support/fake_clock.ts";
import { memory, type MemoryTree } from "../../../src/backends/memory/mod.ts";
import {
  type Changed,
  checkChanges,
} from "../../../src/engine/files/changing.ts";
import { CompoundContext } from "../../../src/engine/context.ts";
import { defaultLimits } from "../../../src/engine/limits.ts";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import {
  type AnyOperation,
  carryOut,
  type Operation,
} from "../../../src/engine/operation.ts";
import { AttributeTable } from "../../../src/engine/attributes/attribute_table.ts";
import type { Services } from "../../../src/engine/services.ts";
import { statusName, statusOfError } from "../../../src/engine/status.ts";
import { Jobs } from "../../../src/base/jobs.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { Bitmap, writeBitmap } from "../../../src/nfs4/bitmap.ts";
import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../../../src/nfs4/constants.ts";
import { UNKNOWN } from "../../../src/rpc/auth.ts";
import { sysCredential } from "../../../src/rpc/auth_sys.ts";
import { PLAIN } from "../../../src/rpc/security.ts";
import { EffectQueue } from "../../../src/state/effects.ts";
import { ServerState } from "../../../src/state/server_state.ts";
import { CallerTable } from "../../../src/vfs/callers.ts";
import { defineExport, type ExportOptions } from "../../../src/vfs/exports.ts";
import type { FileSystem } from "../../../src/vfs/file_system.ts";
import { Namespace } from "../../../src/vfs/namespace.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import { getattr } from "../../../src/engine/ops/getattr.ts";
import { lookup } from "../../../src/engine/ops/lookup.ts";
import { putrootfh } from "../../../src/engine/ops/putrootfh.ts";
import { noteOutcome } from "./seen_operation.ts";

/** Who asks, in what minor version. */
export interface Caller {
  readonly minorVersion?: MinorVersion;
  /** -1 for AUTH_NONE. */
  readonly uid?: number;
  readonly gid?: number;
  readonly gids?: readonly number[];
}

/** A server without sockets: exports and state, and COMPOUNDs carried out by hand. */
export class Fixture {
  readonly services: Services;

  constructor(...exports: ExportOptions[]) {
    const clock = new FakeClock(0);
    const random = (length: number) => new Uint8Array(length).fill(7);
    const effects = new EffectQueue();
    const namespace = new Namespace(exports.map(defineExport), {
      handleKey: new Uint8Array(16),
      time: { seconds: 5, nanoseconds: 0 },
    });
    const leaseMs = 90_000;
    this.services = {
      wallClock: systemWallClock,
      clock,
      random,
      turn: undefined,
      observer: undefined,
      records: undefined,
      effects,
      jobs: new Jobs({ name: "deferred work", log: silentLogger }),
      state: new ServerState({
        clock,
        random,
        effects,
        leaseMs,
        identity: { majorId: new Uint8Array(1), scope: new Uint8Array(1) },
        limits: defaultLimits,
      }),
      namespace,
      attributes: new AttributeTable({
        namespace,
        limits: defaultLimits,
        leaseMs,
      }),
      callers: new CallerTable(),
      limits: defaultLimits,
      writeVerifier: new Uint8Array(8),
      log: silentLogger,
    };
  }

  /** Starts a COMPOUND; root asks, by NFSv4.1, where nothing else is said. */
  compound(caller: Caller = {}): Compound {
    const { minorVersion = 1, uid = 0, gid = uid, gids = [] } = caller;
    const context = new CompoundContext({
      services: this.services,
      connection: testConnection(),
      credential: uid === -1 ? UNKNOWN : sysCredential({ uid, gid, gids }),
      replyOverhead: PLAIN.headerSize,
      minorVersion,
      request: new XdrReader(new Uint8Array()),
      reply: new XdrWriter(),
    });
    return new Compound(context);
  }

  /** Starts a COMPOUND at a path of names. */
  async at(path: string, caller: Caller = {}): Promise<Compound> {
    const compound = this.compound(caller);
    await compound.ok(putrootfh);
    for (const name of path.split("/").filter(Boolean)) {
      await compound.ok(lookup, (xdr) => xdr.string(name));
    }
    return compound;
  }
}

/** Writes an operation's arguments. */
export type WriteArgs = (xdr: XdrWriter) => void;

/** A COMPOUND of which each operation is told one by one. */
export class Compound {
  readonly context: CompoundContext;

  constructor(context: CompoundContext) {
    this.context = context;
  }

  /** Decodes and runs an operation as the engine does. */
  async run<Args, Change extends Changed>(
    operation: Operation<Args, Change>,
    write: WriteArgs = () => {},
  ): Promise<{ status: string; result: XdrReader }> {
    const { context } = this;
    const { reply, minorVersion } = context;
    const request = new XdrWriter();
    write(request);
    const start = reply.position;
    let status;
    try {
      const xdr = new XdrReader(request.slice());
      const args = operation.decode(xdr, minorVersion);
      assertEquals(xdr.remaining, 0, "arguments were read in full");
      status = refuseChange(context, operation) ??
        await carryOut(operation, context, args);
    } catch (error) {
      status = statusOfError(error, minorVersion);
      if (status === undefined) throw error;
    }
    noteOutcome(operation, minorVersion, status);
    if (status !== Status.OK) {
      reply.truncate(start);
      operation.encodeFailure?.(context, status);
    }
    const result = new XdrReader(reply.slice(start));
    return { status: statusName(status), result };
  }

  /** The status of an operation. */
  async status<Args, Change extends Changed>(
    operation: Operation<Args, Change>,
    write?: WriteArgs,
  ): Promise<string> {
    return (await this.run(operation, write)).status;
  }

  /** The result of an operation that is to succeed. */
  async ok<Args, Change extends Changed>(
    operation: Operation<Args, Change>,
    write?: WriteArgs,
  ): Promise<XdrReader> {
    const { status, result } = await this.run(operation, write);
    assertEquals(status, "NFS4_OK");
    return result;
  }

  /** GETATTR of these numbers; gives what is behind the bitmap and the length. */
  async attributes(...numbers: number[]): Promise<XdrReader> {
    const result = await this.ok(getattr, bits(...numbers));
    const words = result.uint32();
    for (let i = 0; i < words; i++) result.uint32();
    return new XdrReader(result.opaque(result.remaining));
  }
}

/** What the COMPOUND refuses before it carries the operation out. */
function refuseChange(
  context: CompoundContext,
  operation: AnyOperation,
): StatusCode | undefined {
  const row = OPERATIONS.find((row) => row?.operation === operation);
  if (row === undefined || context.current === undefined) return undefined;
  const status = checkChanges(context, row.changes);
  return status === Status.OK ? undefined : status;
}

/** Writes a bitmap4. */
export function bits(...numbers: number[]): WriteArgs {
  return (xdr) => writeBitmap(xdr, Bitmap.ofNumbers(numbers));
}

/** Writes a fattr4 of these attributes. */
export function fattr(
  xdr: XdrWriter,
  values: readonly (readonly [number, WriteArgs])[],
): void {
  bits(...values.map(([number]) => number))(xdr);
  const inner = new XdrWriter();
  for (const [, write] of values) write(inner);
  xdr.opaque(inner.slice());
}

/** mode, as one of the values of {@linkcode fattr}. */
export const mode = (value: number): [number, WriteArgs] => [
  33,
  (xdr) => xdr.uint32(value),
];

/** A fixture with one memory file system as "/", root not squashed. */
export function memoryFixture(
  tree: MemoryTree = {},
  options: Omit<Partial<ExportOptions>, "fs" | "path"> = {},
): Fixture {
  return new Fixture({
    path: "/",
    fs: memory(tree),
    squash: "none",
    ...options,
  });
}

/** The same file system, whose every answer takes a moment. */
export function slow(fs: FileSystem): FileSystem {
  return new Proxy(fs, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const method = value.bind(target);
      if (name === "root" || name === "identify") return method;
      // deno-lint-ignore require-await
      return async (...args: unknown[]) => method(...args);
    },
  });
}
