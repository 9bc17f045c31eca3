import { type Export, hashOf } from "../exports.ts";
import { hasXattrs } from "../xattrs.ts";
import { NamedAttributes } from "./named_attributes.ts";

/** An export of named attributes. */
export interface AttributeExport extends Export {
  readonly fs: NamedAttributes;
  /** The export of what bears them. */
  readonly bearers: Export;
}

/**
 * What the named attributes of an export's files are served as, on the same terms, and
 * as part of the same file system to clients; `undefined` where it has none.
 */
export function attributeExport(terms: Export): AttributeExport | undefined {
  const { fs, path } = terms;
  if (!hasXattrs(fs)) return undefined;
  const id = Math.max(1, hashOf("named attributes", path).readUInt32BE(0));
  return {
    ...terms,
    id,
    fs: new NamedAttributes(fs),
    bearers: terms,
    // Names of files are hidden, and these are of attributes.
    hidden: undefined,
  };
}
