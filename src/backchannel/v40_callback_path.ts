import { AuthFlavor } from "../rpc/auth.ts";
import type { CallSys } from "../rpc/call_credential.ts";
import type { RpcConnection } from "../rpc/connection.ts";
import type { Client } from "../state/client.ts";
import type { CallbackChannel } from "./callback_channel.ts";
import type { CallbackTarget } from "./callback_wire.ts";
import type { InternetAddress } from "./universal_address.ts";

/** A client of NFSv4.0 says only where; the caller is the server's machine. */
const CREDENTIAL: CallSys = {
  flavor: AuthFlavor.SYS,
  stamp: 0,
  machineName: "",
  uid: 0,
  gid: 0,
  gids: [],
};

/** The way to the callbacks of one client of NFSv4.0. */
export class V40CallbackPath {
  /** Whose they are. */
  readonly client: Client;
  /** Where they go. */
  readonly address: InternetAddress;
  /** How they are called and signed. */
  readonly target: CallbackTarget;
  /** The connection, while there is one. */
  connection: RpcConnection | undefined;
  /** Calls over it. */
  channel: CallbackChannel | undefined;
  /** The connection that is being made. */
  opening: Promise<CallbackChannel> | undefined;
  /** A callback was answered, and none failed since. */
  isProven = false;
  /** Whether it was tried to prove it. */
  isTried = false;
  /** Callbacks under way. */
  inFlight = 0;
  /** When the last one ended, in milliseconds of the dial-out's clock. */
  usedAt: number;
  /** Aborted when the client is gone, or has another address. */
  readonly ending = new AbortController();

  constructor(
    client: Client,
    address: InternetAddress,
    { program, ident, now }: {
      readonly program: number;
      readonly ident: number;
      readonly now: number;
    },
  ) {
    this.client = client;
    this.address = address;
    this.target = {
      program,
      credential: CREDENTIAL,
      minorVersion: 0,
      // RFC 7530 16.33.5: it tells the client which of its mounts is meant.
      callbackIdent: ident,
    };
    this.usedAt = now;
  }

  /** Whether the client is gone, or has another address. */
  get isEnded(): boolean {
    return this.ending.signal.aborted;
  }
}
