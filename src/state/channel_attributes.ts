import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { ChannelAttributes } from "../nfs4/sessions.ts";

/** What the fore channel of a session may be granted. */
export interface ChannelLimits {
  /** Largest request in bytes. */
  readonly maxRequest: number;
  /** Largest reply in bytes. */
  readonly maxReply: number;
  /** Largest reply kept for replay, in bytes. */
  readonly maxCachedReply: number;
  /** Operations in a COMPOUND. */
  readonly maxOperations: number;
  readonly maxSlots: number;
}

// The least that can be of use: with AUTH_NONE, for every other flavour adds to it.

/** RPC call header 40, COMPOUND header 12, SEQUENCE 36. */
const SMALLEST_REQUEST = 88;
/** RPC reply header 24, COMPOUND4res header 12, SEQUENCE result 44. */
const SMALLEST_RESPONSE = 80;
/** RPC call header 40 and AUTH_SYS credential of at most 400, CB_COMPOUND header 16, CB_SEQUENCE 40, CB_RECALL of the largest handle 156. */
const SMALLEST_CALLBACK = 652;
/** RPC reply header 24, CB_COMPOUND4res header 12, results of CB_SEQUENCE 44 and CB_RECALL 8. */
const SMALLEST_CALLBACK_RESPONSE = 88;

/**
 * What is granted of the fore channel that the client asks for; sizes and
 * counts only ever go down (RFC 8881 18.36.3), but for a channel of no slot at
 * all, which gets one. NFS4ERR_TOOSMALL where not even a lone SEQUENCE fits.
 */
export function negotiateFore(
  asked: ChannelAttributes,
  limits: ChannelLimits,
): ChannelAttributes | StatusCode {
  if (
    asked.maxRequestSize < SMALLEST_REQUEST ||
    asked.maxResponseSize < SMALLEST_RESPONSE || asked.maxOperations === 0
  ) {
    return Status.TOOSMALL;
  }
  const maxResponseSize = Math.min(asked.maxResponseSize, limits.maxReply);
  return {
    maxRequestSize: Math.min(asked.maxRequestSize, limits.maxRequest),
    maxResponseSize,
    maxResponseSizeCached: Math.min(
      asked.maxResponseSizeCached,
      maxResponseSize,
      limits.maxCachedReply,
    ),
    maxOperations: Math.min(asked.maxOperations, limits.maxOperations),
    maxRequests: Math.max(1, Math.min(asked.maxRequests, limits.maxSlots)),
  };
}

/**
 * What is granted of the backchannel. RFC 8881 18.36.3: the server must not
 * change the number of operations and requests that the client offers.
 */
export function negotiateBack(
  asked: ChannelAttributes,
  limits: ChannelLimits,
): ChannelAttributes {
  return {
    ...asked,
    maxRequestSize: Math.min(asked.maxRequestSize, limits.maxRequest),
    maxResponseSize: Math.min(asked.maxResponseSize, limits.maxReply),
    maxResponseSizeCached: Math.min(
      asked.maxResponseSizeCached,
      asked.maxResponseSize,
      limits.maxCachedReply,
    ),
  };
}

/** Whether CB_SEQUENCE and CB_RECALL fit a backchannel with these attributes. */
export function carriesCallbacks(back: ChannelAttributes): boolean {
  return back.maxRequestSize >= SMALLEST_CALLBACK &&
    back.maxResponseSize >= SMALLEST_CALLBACK_RESPONSE &&
    back.maxOperations >= 2;
}
