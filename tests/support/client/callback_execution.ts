/** What the client does about each callback operation. */

import { Status } from "../../../src/nfs4/constants.ts";
import { attributeName } from "./attributes.ts";
import type { CallbackSession } from "./callback_session.ts";
import {
  type CallbackGetattr,
  CallbackOp,
  type CallbackOperation,
  type CallbackResult,
  type CallbackSequence,
  encodeGetattrResult,
  encodeSequenceResult,
} from "./callback_wire.ts";
import type { DelegationBook } from "./delegation_book.ts";

/** Where the operation stands, and what it is answered from. */
export interface Circumstances {
  /** Place in the CB_COMPOUND. */
  readonly index: number;
  /** Undefined in NFSv4.0. */
  readonly session: CallbackSession | undefined;
  readonly delegations: DelegationBook;
}

/** Carries out one operation. */
export function carryOut(
  operation: CallbackOperation,
  circumstances: Circumstances,
): CallbackResult {
  const number = CallbackOp[operation.op];
  const { delegations } = circumstances;
  switch (operation.op) {
    case "SEQUENCE":
      return sequence(operation.args, circumstances);
    case "RECALL":
      return { number, status: delegations.judgeRecall(operation.args) };
    case "NOTIFY":
      return { number, status: delegations.judgeRecall(operation.args) };
    case "GETATTR":
      return getattr(operation.args, delegations);
    case "ILLEGAL":
      return { number, status: Status.OP_ILLEGAL };
    case "RECALL_ANY":
    case "RECALLABLE_OBJ_AVAIL":
    case "RECALL_SLOT":
    case "NOTIFY_LOCK":
    case "OFFLOAD":
      return { number, status: Status.OK };
    default:
      return { number, status: Status.NOTSUPP };
  }
}

function sequence(
  args: CallbackSequence,
  { index, session }: Circumstances,
): CallbackResult {
  const number = CallbackOp.SEQUENCE;
  // RFC 8881 20.9.3: nowhere but first.
  if (index > 0 || !session) return { number, status: Status.SEQUENCE_POS };
  const body = encodeSequenceResult(args, {
    highest: session.highestSlotid,
    target: session.targetHighestSlotid,
  });
  return { number, status: Status.OK, body };
}

function getattr(
  args: CallbackGetattr,
  delegations: DelegationBook,
): CallbackResult {
  const number = CallbackOp.GETATTR;
  const held = delegations.judgeGetattr(args);
  if (typeof held === "number") return { number, status: held };
  const wanted = new Set<string | undefined>(
    args.attributes.map(attributeName),
  );
  const asked = Object.entries(held).filter(([name]) => wanted.has(name));
  const body = encodeGetattrResult(Object.fromEntries(asked));
  return { number, status: Status.OK, body };
}
