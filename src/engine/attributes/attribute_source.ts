import type { Awaitable } from "../../base/awaitable.ts";
import {
  AttributeOffer,
  type AttributePlan,
} from "../../nfs4/attribute_plan.ts";
import type { AttributeSource } from "../../nfs4/attributes.ts";
import { emptyBitmap } from "../../nfs4/bitmap.ts";
import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import type { SetAttributes } from "../../nfs4/set_attributes.ts";
import type { ReadableFileSystem } from "../../vfs/changes.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type {
  FileAttributes,
  FileSystemStatus,
} from "../../vfs/file_system.ts";
import type { CompoundContext } from "../context.ts";

const offers = new WeakMap<ReadableFileSystem, AttributeOffer[]>();

/** What is supported for a file with these attributes. */
export function offerOf(
  minorVersion: MinorVersion,
  file: FileRef,
  attributes: FileAttributes,
): AttributeOffer {
  const { fs } = file.export;
  let ofSystem = offers.get(fs);
  if (ofSystem === undefined) offers.set(fs, ofSystem = []);
  const birthtime = attributes.birthtime !== undefined;
  const index = minorVersion * 2 + (birthtime ? 1 : 0);
  return ofSystem[index] ??= new AttributeOffer({
    minorVersion,
    fs,
    birthtime,
  });
}

/**
 * Whether the wanted attributes can be set on `file`, which has these
 * attributes, or on what is made in it.
 */
export function checkSettable(
  { minorVersion }: CompoundContext,
  file: FileRef,
  { attributes, wanted }: {
    readonly attributes: FileAttributes;
    readonly wanted: SetAttributes;
  },
): StatusCode {
  const { supported } = offerOf(minorVersion, file, attributes);
  // RFC 8881 5.2: an attribute that is not supported can't be set.
  return wanted.requested.without(supported).isEmpty
    ? wanted.status
    : Status.ATTRNOTSUPP;
}

/** The room in a file's file system, when the plan writes of it. */
export function spaceFor(
  plan: AttributePlan,
  file: FileRef,
): Awaitable<FileSystemStatus> | undefined {
  return plan.needsSpace ? file.export.fs.status?.() : undefined;
}

/** Filled anew for each file: whoever writes from it does so without waiting. */
const source = {
  error: Status.OK,
  supported: emptyBitmap,
  exclusive: emptyBitmap,
} as AttributeSource;

/** What an {@linkcode AttributePlan} writes from. Valid until the next call. */
export function sourceOf(
  context: CompoundContext,
  file: FileRef,
  { attributes, offer, space }: {
    readonly attributes: FileAttributes;
    readonly offer: AttributeOffer;
    readonly space: FileSystemStatus | undefined;
  },
): AttributeSource {
  const { namespace, state, limits } = context.services;
  source.file = file;
  source.attributes = attributes;
  source.space = space;
  source.mountedOnFileid = attributes.type === "directory"
    ? namespace.mountedOnFileid(file, attributes.fileid)
    : attributes.fileid;
  source.supported = offer.supported;
  source.exclusive = offer.exclusive;
  source.leaseSeconds = Math.ceil(state.lease.leaseMs / 1000);
  source.maxRead = limits.maxRead;
  source.maxWrite = limits.maxWrite;
  return source;
}
