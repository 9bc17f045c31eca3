import {
  type CallbackSecParms,
  chooseCallbackCredential,
  readCallbackSecParms,
} from "../../nfs4/callback_security.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import {
  type ChannelAttributes,
  CreateSessionFlag,
  Direction,
  readChannelAttributes,
  writeChannelAttributes,
} from "../../nfs4/sessions.ts";
import {
  carriesCallbacks,
  negotiateBack,
  negotiateFore,
} from "../../state/channel_attributes.ts";
import type { Client } from "../../state/client.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { Session } from "../../state/session.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";

const FLAGS = CreateSessionFlag.PERSIST | CreateSessionFlag.CONN_BACK_CHAN |
  CreateSessionFlag.CONN_RDMA;

/** CREATE_SESSION4args (RFC 8881 18.36.1). */
export interface CreateSessionArgs {
  /** csa_clientid. */
  readonly clientid: bigint;
  /** csa_sequence. */
  readonly sequence: number;
  /** csa_flags. */
  readonly flags: number;
  /** csa_fore_chan_attrs. */
  readonly fore: ChannelAttributes;
  /** csa_back_chan_attrs. */
  readonly back: ChannelAttributes;
  /** csa_cb_program. */
  readonly program: number;
  /** csa_sec_parms. */
  readonly security: readonly CallbackSecParms[];
}

/** CREATE_SESSION (RFC 8881 18.36): makes a session and confirms its client. */
export const createSession: Operation<CreateSessionArgs, "state"> = {
  decode(xdr) {
    return {
      clientid: xdr.uint64(),
      sequence: xdr.uint32(),
      flags: xdr.uint32(),
      fore: readChannelAttributes(xdr),
      back: readChannelAttributes(xdr),
      program: xdr.uint32(),
      security: readCallbackSecParms(xdr),
    };
  },

  run(context, args) {
    const { state } = context.services;
    // RFC 8881 18.36.4, phase 1.
    const client = state.clients.find(args.clientid, 1);
    if (client === undefined) return Status.STALE_CLIENTID;
    // Phase 3, of confirmed clients too, comes before phase 2: a stranger must
    // neither move the client's slot nor be told its session by a replay.
    if (!isRegisteredBy(client, context.credential)) return Status.CLID_INUSE;
    const slot = client.createSession;
    const isRepeated = args.sequence === slot.sequence;
    if (isRepeated && slot.status === Status.OK) return replay(context, client);
    // What was refused has made nothing. Some clients ask for less under the same
    // csa_sequence, others under the next: both are judged anew.
    const isNext = args.sequence === (slot.sequence + 1) >>> 0;
    if (!isNext && !(isRepeated && slot.status !== Status.SEQ_MISORDERED)) {
      return Status.SEQ_MISORDERED;
    }
    const session = create(context, client, args);
    slot.sequence = args.sequence;
    if (isStatus(session)) {
      slot.status = session;
      slot.result = undefined;
      persist(context, client);
      return session;
    }
    slot.status = Status.OK;
    slot.result = encode(context, session, args);
    persist(context, client, session);
    if (!client.isConfirmed) state.confirmClient(client);
    else state.lease.renew(client);
    return Status.OK;
  },
};

/** RFC 8881 2.10.6.5: what a session takes to go on after a restart. */
function persist(
  context: CompoundContext,
  client: Client,
  session?: Session,
): void {
  const { sessionStore, sessions } = context.services.state;
  if (session?.isPersistent) client.isPersistent = true;
  if (!sessionStore?.isSound || !client.isPersistent) return;
  try {
    if (session?.isPersistent) sessionStore.saveSession(session);
    sessionStore.saveClient(client);
  } catch (error) {
    if (session !== undefined) sessions.destroy(session, "lost-session");
    client.createSession.status = Status.SERVERFAULT;
    client.createSession.result = undefined;
    throw error;
  }
}

/** Phase 2: the answer of the last request once more. */
function replay(context: CompoundContext, client: Client): StatusCode {
  const result = client.createSession.result!;
  context.reply.raw(result);
  // The first answer was lost, and perhaps its connection: this one takes over.
  const session = context.services.state.sessions.find(result);
  if (session !== undefined) bind(context, session);
  return Status.OK;
}

/**
 * Phase 4: before the client is confirmed, and its former incarnation ends. What
 * makes no session leaves the records of clients as they are.
 */
function create(
  context: CompoundContext,
  client: Client,
  args: CreateSessionArgs,
): Session | StatusCode {
  const { state, limits } = context.services;
  if ((args.flags & ~FLAGS) !== 0) return Status.INVAL;
  const fore = negotiateFore(args.fore, limits);
  if (isStatus(fore)) return fore;
  const back = negotiateBack(args.back, limits);
  const callsBack = carriesCallbacks(back);
  const asksBack = (args.flags & CreateSessionFlag.CONN_BACK_CHAN) !== 0;
  // RFC 8881 18.36.3: on a channel that could never carry a request. One without
  // slots is none, as long as it is not asked for.
  if (!callsBack && (asksBack || back.maxRequests > 0)) return Status.TOOSMALL;
  const credential = chooseCallbackCredential(args.security);
  // RFC 8881 18.36.3: only RPCSEC_GSS, by handles that this server never gave out.
  if (asksBack && credential === undefined && args.security.length > 0) {
    return Status.NOENT;
  }
  const callback = callsBack && credential !== undefined
    ? { program: args.program, credential }
    : undefined;
  const { minorVersion } = context;
  const persist = (args.flags & CreateSessionFlag.PERSIST) !== 0 &&
    state.sessionStore?.isSound === true;
  const options = { minorVersion, fore, back, callback, persist };
  const session = state.sessions.create(client, options);
  if (isStatus(session)) return session;
  session.boundAtCreation = asksBack && session.canCallBack
    ? Direction.BOTH
    : Direction.FORE;
  bind(context, session);
  return session;
}

/** Binds the connection when the answer is certain: CB_NULL is for a client that knows of the session. */
function bind(context: CompoundContext, session: Session): void {
  const { connection, services: { state } } = context;
  context.whenCertain((isKept) => {
    if (!isKept || session.isDestroyed) return;
    state.sessions.bind(session, connection, session.boundAtCreation);
  });
}

/** Writes the result and keeps a copy for the replay. */
function encode(
  context: CompoundContext,
  session: Session,
  args: CreateSessionArgs,
): Uint8Array {
  const { reply } = context;
  const start = reply.position;
  reply.opaqueFixed(session.id);
  reply.uint32(args.sequence);
  // There is no RDMA to be granted.
  const bothWays = session.boundAtCreation === Direction.BOTH;
  reply.uint32(
    (bothWays ? CreateSessionFlag.CONN_BACK_CHAN : 0) |
      (session.isPersistent ? CreateSessionFlag.PERSIST : 0),
  );
  writeChannelAttributes(reply, session.fore);
  writeChannelAttributes(reply, session.back);
  return reply.slice(start);
}
