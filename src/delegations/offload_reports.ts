import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackRouter } from "../backchannel/router.ts";
import { STABLE_HOW } from "../nfs4/stable_how.ts";
import type { Client } from "../state/client.ts";
import type { CopyNotifier, EndedCopy } from "../state/copies.ts";
import { referringCalls } from "./referring_calls.ts";

/** Tells clients how copies ended that went on behind their answers (RFC 7862 16.1). */
export class OffloadReports implements CopyNotifier {
  readonly #router: Pick<CallbackRouter, "isProven" | "send">;

  /** `router`: the way to the clients. */
  constructor(router: Pick<CallbackRouter, "isProven" | "send">) {
    this.#router = router;
  }

  /** {@inheritDoc CopyNotifier.canNotify} */
  canNotify(client: Client): boolean {
    return this.#router.isProven(client);
  }

  /** {@inheritDoc CopyNotifier.notify} */
  notify(copy: EndedCopy, heard: () => void): void {
    const { client, file, end, done, verifier } = copy;
    this.#router.send(client, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_OFFLOAD, {
          handle: file.handle,
          stateid: copy,
          status: end.status,
          count: done,
          committed: STABLE_HOW.indexOf(end.stability),
          verifier,
        }),
      ],
      referringCalls: () => referringCalls(copy),
      wanted: () => copy.isWanted,
      // A client that was not reached asks by OFFLOAD_STATUS.
      done: ({ kind }) => {
        if (kind === "answered" || !copy.isWanted) heard();
      },
    });
  }
}
