import { XdrError } from "../xdr/error.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { OPAQUE_LIMIT } from "./constants.ts";

/** netloc4 (RFC 7862 4.5): a server by name, URL or address. */
export type NetworkLocation =
  | { readonly type: "name" | "url"; readonly text: string }
  | {
    readonly type: "address";
    readonly netid: string;
    readonly address: string;
  };

const NL4_NAME = 1;
const NL4_URL = 2;
const NL4_NETADDR = 3;

/** Reads a netloc4. */
export function readNetworkLocation(xdr: XdrReader): NetworkLocation {
  const type = xdr.uint32();
  switch (type) {
    case NL4_NAME:
      return { type: "name", text: xdr.string(OPAQUE_LIMIT) };
    case NL4_URL:
      return { type: "url", text: xdr.string(OPAQUE_LIMIT) };
    case NL4_NETADDR:
      return {
        type: "address",
        netid: xdr.string(OPAQUE_LIMIT),
        address: xdr.string(OPAQUE_LIMIT),
      };
    default:
      throw new XdrError(`netloc_type4 is ${type}`);
  }
}
