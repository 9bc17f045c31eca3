import {
  type CallbackSecParms,
  chooseCallbackCredential,
  readCallbackSecParms,
} from "../../nfs4/callback_security.ts";
import { Status } from "../../nfs4/constants.ts";
import { isRegisteredBy } from "../../state/principal.ts";
import type { Operation } from "../operation.ts";

/** BACKCHANNEL_CTL4args (RFC 8881 18.33.1). */
export interface BackchannelCtlArgs {
  /** bca_cb_program. */
  readonly program: number;
  /** bca_sec_parms. */
  readonly security: readonly CallbackSecParms[];
}

/** BACKCHANNEL_CTL (RFC 8881 18.33): another program and credential for callbacks. */
export const backchannelCtl: Operation<BackchannelCtlArgs, "state"> = {
  decode(xdr) {
    return { program: xdr.uint32(), security: readCallbackSecParms(xdr) };
  },

  run(context, args) {
    const session = context.session!;
    // Any user of the client may be behind SEQUENCE, but not say how it is called.
    if (!isRegisteredBy(session.client, context.credential)) {
      return Status.WRONG_CRED;
    }
    if (!session.hasBackchannel) return Status.INVAL;
    const credential = chooseCallbackCredential(args.security);
    if (credential === undefined) {
      // RFC 8881 18.33.3: RPCSEC_GSS handles, of which this server has none.
      return args.security.length > 0 ? Status.NOENT : Status.INVAL;
    }
    session.callback = { program: args.program, credential };
    const { sessions, sessionStore } = context.services.state;
    sessions.backchannelMended(session);
    if (session.isPersistent && sessionStore?.isSound) {
      sessionStore.saveSession(session);
    }
    return Status.OK;
  },
};
