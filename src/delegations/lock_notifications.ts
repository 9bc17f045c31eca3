import type { Client } from "../state/client.ts";
import type { LockNotifier, WaitingLock } from "../state/lock_queue.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackRouter } from "../backchannel/router.ts";

/** Tells clients of NFSv4.1 and 4.2 that a lock which they wait for may be free (RFC 8881 20.11). */
export class LockNotifications implements LockNotifier {
  readonly #router: Pick<CallbackRouter, "isProven" | "send">;

  /** `router`: the way to the clients. */
  constructor(router: Pick<CallbackRouter, "isProven" | "send">) {
    this.#router = router;
  }

  /** {@inheritDoc LockNotifier.canNotify} */
  canNotify(client: Client): boolean {
    return client.protocol > 0 && this.#router.isProven(client);
  }

  /** {@inheritDoc LockNotifier.notify} */
  notify(lock: WaitingLock): void {
    const { open: { client, file }, owner } = lock;
    this.#router.send(client, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY_LOCK, {
          handle: file.file.handle,
          clientid: client.id,
          owner: owner.name,
        }),
      ],
      wanted: () => !lock.isOver,
      // A hint: a client that does not hear it goes on asking (RFC 8881 9.6).
      done: () => {},
    });
  }
}
