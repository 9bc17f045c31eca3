/** A client's end of its sessions' back channels: the strict callback peer of the tests, on simulated links. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  CallbackOp,
  type CallbackOperation,
  CallbackPeer,
  type CallbackResult,
  type CallbackSecurity,
  CallbackSession,
  type ChannelAttributes,
  type CompoundReply,
  type Request,
} from "../support/client/mod.ts";
import type { Link } from "./network.ts";
import type { World } from "./world.ts";

/** csa_cb_program. */
export const CALLBACK_PROGRAM = 0x4000_0001;
/** csa_sec_parms. */
export const CALLBACK_SECURITY: readonly CallbackSecurity[] = [{
  flavor: "sys",
  credential: { stamp: 7, machine: "simulated", uid: 0, gid: 0, gids: [] },
}];

/** What the peer says of a session whose CREATE_SESSION was not answered yet, or that is past. */
const UNKNOWN_SESSION = "refused with BADSESSION";

/** The callback service of a client. */
export class BackChannel {
  readonly #world: World;
  // CB_NULL may come before the answer that tells of the session.
  readonly #peer = new CallbackPeer({
    v40: { program: CALLBACK_PROGRAM, ident: 0 },
  });
  #faults = 0;

  /** `recalled` hears of each CB_RECALL that is in order, retries left out. */
  constructor(world: World, recalled: (filehandle: Uint8Array) => void) {
    this.#world = world;
    this.#peer.handle(
      "RECALL",
      (operation) => this.#recall(operation, recalled),
    );
  }

  /** Takes callbacks for a session. */
  open(
    sessionid: Uint8Array,
    channel: ChannelAttributes,
    isOutstanding: (slotid: number, sequenceid: number) => boolean,
  ): void {
    this.#peer.addSession(
      new CallbackSession({
        sessionid,
        minorVersion: 1,
        program: CALLBACK_PROGRAM,
        security: CALLBACK_SECURITY,
        channel,
        isOutstanding,
      }),
    );
  }

  /** Notes what an answer granted or took back. */
  learn(reply: CompoundReply, ops: readonly Request[]): void {
    this.#peer.delegations.learn(reply, ops);
  }

  /** A CALL came on a link. */
  receive(message: Uint8Array, link: Link): void {
    this.#world.count("callbacks");
    this.#peer.accept({ bytes: message, fragments: 1 }, {
      send: (bytes) => {
        link.send(bytes, { mayRepeat: true });
        return Promise.resolve();
      },
      close: () => link.cut(),
    });
    const violations = this.#peer.violations.filter((each) =>
      each !== UNKNOWN_SESSION
    );
    if (violations.length === this.#faults) return;
    this.#faults = violations.length;
    this.#world.blame(`callback at fault: ${violations.at(-1)}`);
  }

  #recall(
    operation: CallbackOperation,
    recalled: (filehandle: Uint8Array) => void,
  ): CallbackResult {
    const number = CallbackOp[operation.op];
    if (operation.op !== "RECALL") return { number, status: Status.BADXDR };
    const status = this.#peer.delegations.judgeRecall(operation.args);
    if (status === Status.OK) recalled(operation.args.filehandle);
    return { number, status };
  }
}
