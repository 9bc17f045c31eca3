import { SMALL_REPLY } from "../rpc/buffer_budget.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { XdrWriter } from "../xdr/writer.ts";

/**
 * Takes room for `bytes` more of an answer that begins at `start`, where that makes
 * it more than small; false while all connections together hold too much for that.
 */
export function reserveReply(
  { reply, connection, start }: {
    readonly reply: XdrWriter;
    readonly connection: Connection;
    readonly start: number;
  },
  bytes: number,
): boolean {
  const end = reply.position + bytes;
  if (end - start <= SMALL_REPLY) return true;
  const isCounted = reply.resized !== undefined;
  // An answer that has waited is counted with all of its buffer, as that grows;
  // one that is written in one turn when the turn ends.
  const wanted = isCounted ? reply.growthFor(bytes) : end - start;
  if (wanted === 0) return true;
  if (!connection.hasRoom(wanted)) return false;
  if (isCounted) reply.reserve(bytes);
  return true;
}
