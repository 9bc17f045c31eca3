import type { Operation } from "../operation.ts";
import { putrootfh } from "./putrootfh.ts";

/**
 * PUTPUBFH. RFC 8881 18.20.3, RFC 7530 16.21.4: where no other place is public, the
 * public filehandle is the root filehandle.
 */
export const putpubfh: Operation<void> = putrootfh;
