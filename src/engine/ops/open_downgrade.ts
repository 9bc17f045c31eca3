import { Op, Share, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid, writeStateid } from "../../nfs4/types.ts";
import { Want } from "../../state/delegations.ts";
import type { Operation } from "../operation.ts";
import {
  type ResolveOptions,
  setCurrentStateid,
} from "../locking/resolve_stateid.ts";
import { withOpen } from "../locking/with_state.ts";

/** OPEN_DOWNGRADE4args. */
export interface OpenDowngradeArgs {
  /** The open. */
  readonly stateid: Stateid;
  /** NFSv4.0: of the open's owner. */
  readonly seqid: number;
  /** OPEN4_SHARE_ACCESS_* that is to be left. */
  readonly access: number;
  /** OPEN4_SHARE_DENY_* that is to be left. */
  readonly deny: number;
}

const TO_REDUCE: ResolveOptions = { purpose: "reduce", withSeqid: true };

/** OPEN_DOWNGRADE (RFC 8881 18.18, RFC 7530 16.19). */
export const openDowngrade: Operation<OpenDowngradeArgs, "state"> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    seqid: xdr.uint32(),
    access: xdr.uint32(),
    deny: xdr.uint32(),
  }),

  run(context, { stateid, seqid, ...args }) {
    const operation = Op.OPEN_DOWNGRADE;
    const request = { operation, stateid, seqid, resolve: TO_REDUCE };
    return withOpen(context, request, (open) => {
      const { deny } = args;
      // RFC 8881 18.18.3: what is wanted of delegations is no part of the access.
      const access = context.minorVersion === 0
        ? args.access
        : args.access & ~(Want.MASK | Want.BESIDES);
      const valid = access > 0 && access <= Share.ACCESS_BOTH &&
        deny <= Share.DENY_BOTH;
      // RFC 8881 18.18.3, RFC 7530 16.19.4: to what some of the OPENs came to.
      if (!valid || !open.canDowngrade(access, deny)) return Status.INVAL;
      open.downgrade(access, deny);
      // RFC 7530 9.11: incremented even when nothing has changed.
      open.bump();
      setCurrentStateid(context, open);
      writeStateid(context.reply, open);
      return Status.OK;
    });
  },
};
