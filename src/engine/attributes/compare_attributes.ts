import { type Steps, wait } from "../../base/awaitable.ts";
import { AttributePlan } from "../../nfs4/attribute_plan.ts";
import type { AttributeSource } from "../../nfs4/attributes/row.ts";
import { Bitmap, readBitmap } from "../../nfs4/bitmap.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import { extrasFor } from "./attribute_table.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** Attributes as a client knows them: the fattr4 of VERIFY and NVERIFY. */
export interface KnownAttributes {
  /** The attributes that it has values of. */
  readonly requested: Bitmap;
  /** Their values, encoded; a view of the request. */
  readonly values: Uint8Array;
}

const RDATTR_ERROR = Bitmap.ofNumbers([11]);
const MODE = 33;
const BELOW_MODE = Bitmap.of(0xffff_ffff, 1);
const MODE_BITS = 0o7777;

/** Reads the fattr4 of VERIFY and NVERIFY. */
export function readKnownAttributes(xdr: XdrReader): KnownAttributes {
  return { requested: readBitmap(xdr), values: xdr.opaque(xdr.remaining) };
}

/**
 * NFS4ERR_SAME or NFS4ERR_NOT_SAME, for what the client knows against what
 * holds; another status when they can't be compared.
 */
export function* compareAttributes(
  context: CompoundContext,
  { requested, values }: KnownAttributes,
): Steps<StatusCode> {
  const { file, services: { attributes: table } } = context;
  const attributes = yield* wait(
    attributesOf(file, table.wanted(requested)),
  );
  const offer = table.offer(context.minorVersion, file, attributes);
  // RFC 8881 18.15.3, 18.31.4: rdattr_error and what can only be set.
  if (requested.meets(RDATTR_ERROR) || requested.meets(offer.setOnly)) {
    return Status.INVAL;
  }
  // RFC 8881 18.15.3, 18.31.4: what is not supported for the object.
  if (!requested.without(offer.supported).isEmpty) return Status.ATTRNOTSUPP;
  const plan = offer.plan(requested);
  const extras = yield* wait(extrasFor(plan, file, attributes));
  const source = table.source(file, { attributes, offer, extras });
  if (requested.has(MODE)) {
    const below = new AttributePlan(requested.and(BELOW_MODE));
    const at = encode(context, below, source).length;
    if (hasStrayModeBits(values, at)) return Status.INVAL;
  }
  const own = encode(context, plan, source);
  return isSame(own, values) ? Status.SAME : Status.NOT_SAME;
}

/** RFC 8881 6.2.4: MUST be NFS4ERR_INVAL if the mode, which stands there, has other bits. */
function hasStrayModeBits(values: Uint8Array, at: number): boolean {
  if (values.length < at + 4) return false;
  const view = new DataView(values.buffer, values.byteOffset, values.length);
  return view.getUint32(at) > MODE_BITS;
}

/** The values as they stand behind the reply, where the next write ends them. */
function encode(
  { reply }: CompoundContext,
  plan: AttributePlan,
  source: AttributeSource,
): Uint8Array {
  const start = reply.position;
  plan.writeValues(reply, source);
  const end = reply.position;
  reply.truncate(start);
  return reply.subarray(start, end);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, i) => byte === other[i]);
}
