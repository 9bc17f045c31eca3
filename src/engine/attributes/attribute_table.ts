import {
  AttributeOffer,
  type AttributePlan,
} from "../../nfs4/attribute_plan.ts";
import type { AttributeSource } from "../../nfs4/attributes/row.ts";
import { type Bitmap, emptyBitmap, PerBitmap } from "../../nfs4/bitmap.ts";
import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import type { SetAttributes } from "../../nfs4/set_attributes.ts";
import { wantedBy } from "../../nfs4/wanted_attributes.ts";
import { type Awaitable, take, wait } from "../../base/awaitable.ts";
import type { ReadableFileSystem } from "../../vfs/changes.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type {
  FileAttributes,
  WantedAttributes,
} from "../../vfs/file_system.ts";
import type { Namespace } from "../../vfs/namespace.ts";
import { type Rights, rightsAnd, type Wanted } from "../../vfs/wanted.ts";
import { hasNamedAttributes } from "../files/named_attributes.ts";
import type { ProtocolLimits } from "../limits.ts";

/** What the attributes of a server say, besides what its file systems do. */
export interface AttributeTableOptions {
  /** What is mounted where. */
  readonly namespace: Namespace;
  /** maxread and maxwrite. */
  readonly limits: ProtocolLimits;
  /** lease_time, in milliseconds. */
  readonly leaseMs: number;
}

/** What {@linkcode AttributeTable.offer} looks at. */
export type Offering = Pick<FileAttributes, "birthtime">;

/** Rights are wanted, and what tells which attributes are offered. */
export const RIGHTS_AND_OFFER: Wanted<keyof Rights | keyof Offering> =
  rightsAnd("birthtime");

/** How the attributes of all that a server serves are asked for, offered and written. */
export class AttributeTable {
  readonly #namespace: Namespace;
  readonly #wanted = new PerBitmap(wantedBy);
  readonly #offers = new WeakMap<ReadableFileSystem, AttributeOffer[]>();
  /** Filled anew for each file, and written from without waiting. */
  readonly #source: AttributeSource;

  /** Of one server. */
  constructor({ namespace, limits, leaseMs }: AttributeTableOptions) {
    this.#namespace = namespace;
    this.#source = {
      error: Status.OK,
      supported: emptyBitmap,
      exclusive: emptyBitmap,
      leaseSeconds: Math.ceil(leaseMs / 1000),
      maxRead: limits.maxRead,
      maxWrite: limits.maxWrite,
    } as AttributeSource;
  }

  /** What a file system is asked for, so that the requested attributes can be written. */
  wanted(requested: Bitmap): WantedAttributes {
    return this.#wanted.get(requested);
  }

  /** What is supported for a file with these attributes. */
  offer(
    minorVersion: MinorVersion,
    file: FileRef,
    attributes: Offering,
  ): AttributeOffer {
    const { fs } = file.export;
    let ofSystem = this.#offers.get(fs);
    if (ofSystem === undefined) this.#offers.set(fs, ofSystem = []);
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
  checkSettable(
    minorVersion: MinorVersion,
    file: FileRef,
    { attributes, wanted }: {
      readonly attributes: Offering;
      readonly wanted: SetAttributes;
    },
  ): StatusCode {
    const { supported } = this.offer(minorVersion, file, attributes);
    // RFC 8881 5.2: an attribute that is not supported can't be set.
    return wanted.requested.without(supported).isEmpty
      ? wanted.status
      : Status.ATTRNOTSUPP;
  }

  /** What an {@linkcode AttributePlan} writes from. Valid until the next call. */
  source(file: FileRef, { attributes, offer, extras }: {
    readonly attributes: FileAttributes;
    readonly offer: AttributeOffer;
    readonly extras: Extras | undefined;
  }): AttributeSource {
    const source = this.#source;
    source.file = file;
    source.attributes = attributes;
    source.space = extras?.space;
    source.hasNamedAttributes = extras?.hasNamedAttributes ?? false;
    source.mountedOnFileid = attributes.type === "directory"
      ? this.#namespace.mountedOnFileid(file, attributes.fileid)
      : attributes.fileid;
    source.supported = offer.supported;
    source.exclusive = offer.exclusive;
    return source;
  }
}

/** What a file system tells for some attributes besides those of `getattr`. */
export type Extras = Pick<AttributeSource, "space" | "hasNamedAttributes">;

/** Asks for what the plan writes of that; `undefined` where it is nothing. */
export function extrasFor(
  plan: AttributePlan,
  file: FileRef,
  { type }: Pick<FileAttributes, "type">,
): Awaitable<Extras> | undefined {
  const { needsSpace, needsNamed } = plan;
  if (!needsSpace && !needsNamed) return undefined;
  return take(function* () {
    const { fs } = file.export;
    const space = needsSpace ? yield* wait(fs.status?.()) : undefined;
    const hasNamed = needsNamed ? yield* hasNamedAttributes(file, type) : false;
    return { space, hasNamedAttributes: hasNamed };
  }());
}
