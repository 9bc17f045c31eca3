/** The delegations that a client holds, as CB_RECALL and CB_GETATTR find them. */

import { Status, type StatusCode } from "../../../src/nfs4/constants.ts";
import type { Attributes } from "./attributes.ts";
import type { CallbackGetattr, Recall } from "./callback_wire.ts";
import type { CompoundReply } from "./compound.ts";
import { hex, sameBytes } from "./names.ts";
import { argumentBytes, type Request, type Stateid } from "./request.ts";
import type { Delegation } from "./results_parts.ts";

/** A delegation in the client's hands. */
export interface HeldDelegation {
  readonly filehandle: Uint8Array;
  readonly type: "read" | "write" | "directory";
  readonly stateid: Stateid;
  /** What CB_GETATTR is answered from. */
  attributes: Attributes;
}

/** Which file is delegated under which stateid. */
export class DelegationBook {
  readonly #held = new Map<string, HeldDelegation>();

  /** All that are held. */
  get held(): readonly HeldDelegation[] {
    return [...this.#held.values()];
  }

  /** The one of a file. */
  of(filehandle: Uint8Array): HeldDelegation | undefined {
    return this.#held.get(hex(filehandle));
  }

  /** Notes a delegation that OPEN granted. */
  hold(filehandle: Uint8Array, delegation: Delegation): void {
    if (delegation.type !== "read" && delegation.type !== "write") return;
    const { type, stateid } = delegation;
    this.#held.set(hex(filehandle), {
      filehandle,
      type,
      stateid,
      attributes: {},
    });
  }

  /** Forgets one that was returned or revoked. */
  drop(stateid: Stateid): void {
    for (const [key, held] of this.#held) {
      if (sameBytes(held.stateid.other, stateid.other)) this.#held.delete(key);
    }
  }

  /**
   * Takes what a COMPOUND's OPEN or GET_DIR_DELEGATION granted, the file being that
   * of its GETFH, and forgets what its DELEGRETURN gave back.
   */
  learn(reply: CompoundReply, ops: readonly Request[]): void {
    if (reply.has("OPEN") && reply.has("GETFH")) {
      this.hold(reply.get("GETFH").filehandle, reply.get("OPEN").delegation);
    }
    if (reply.has("GET_DIR_DELEGATION") && reply.has("GETFH")) {
      this.#holdFolder(
        reply.get("GETFH").filehandle,
        reply.get("GET_DIR_DELEGATION").stateid,
      );
    }
    ops.forEach((request, i) => {
      const returned = request.name === "DELEGRETURN" &&
        reply.results[i]?.status === Status.OK;
      if (returned) {
        this.drop({ seqid: 0, other: argumentBytes(request).slice(4) });
      }
    });
  }

  #holdFolder(filehandle: Uint8Array, stateid: Stateid | undefined): void {
    if (stateid === undefined) return;
    const type = "directory";
    this.#held.set(hex(filehandle), {
      filehandle,
      type,
      stateid,
      attributes: {},
    });
  }

  /** Status of CB_RECALL or CB_NOTIFY, in Linux's order: the file first, then the stateid. */
  judgeRecall(recall: Pick<Recall, "filehandle" | "stateid">): StatusCode {
    const held = this.of(recall.filehandle);
    if (!held) return Status.BADHANDLE;
    // RFC 8881 8.2.2: the seqid of a delegation counts, 0 would mean "whatever it is".
    return sameBytes(held.stateid.other, recall.stateid.other) &&
        held.stateid.seqid === recall.stateid.seqid
      ? Status.OK
      : Status.BAD_STATEID;
  }

  /** Attributes for CB_GETATTR, or BADHANDLE without a write delegation. */
  judgeGetattr(getattr: CallbackGetattr): StatusCode | Attributes {
    const held = this.of(getattr.filehandle);
    return held?.type === "write" ? held.attributes : Status.BADHANDLE;
  }
}
