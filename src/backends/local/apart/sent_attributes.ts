import { accessListHolder, type Listed } from "../../../vfs/access_list.ts";
import type { FileAttributes } from "../../../vfs/file_system.ts";
import {
  ATTRIBUTE_COLUMNS,
  putAttributes,
  takeAttributes,
} from "./attribute_rows.ts";
import type { SentAttributes } from "./calls.ts";
import { receivedFault, sentFault } from "./faults.ts";

/** Attributes to be sent, with the access list where the mode does not say it all. */
export function sentAttributes(
  attributes: FileAttributes & Listed,
): SentAttributes {
  const row = new Float64Array(ATTRIBUTE_COLUMNS);
  putAttributes(row, 0, attributes);
  // The mask leaves nothing to any user, and the mode nothing to others.
  if ((attributes.mode & 0o077) === 0) return { row };
  try {
    const list = attributes[accessListHolder]?.accessList?.();
    return list === undefined ? { row } : { row, list };
  } catch (error) {
    return { row, listFault: sentFault(error) };
  }
}

/** The attributes that were sent. */
export function receivedAttributes(
  { row, list, listFault }: SentAttributes,
): FileAttributes & Listed {
  const attributes: FileAttributes & Listed = takeAttributes(row, 0);
  if (list === undefined && listFault === undefined) return attributes;
  attributes[accessListHolder] = {
    accessList() {
      if (listFault !== undefined) throw receivedFault(listFault);
      return list;
    },
  };
  return attributes;
}
