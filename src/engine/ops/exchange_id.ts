import { readBitmap } from "../../nfs4/bitmap.ts";
import {
  isStatus,
  type MinorVersion,
  OPAQUE_LIMIT,
  Status,
  VERIFIER_SIZE,
} from "../../nfs4/constants.ts";
import { ExchangeFlag } from "../../nfs4/sessions.ts";
import type { Client } from "../../state/client.ts";
import { exchangeClientId } from "../../state/exchange_id.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";

const SP4_NONE = 0;
const SP4_MACH_CRED = 1;
const SP4_SSV = 2;

/** Algorithms of a list that are read. */
const MAX_ALGORITHMS = 64;

// RFC 8881 18.35.3: CONFIRMED_R is for results only.
const FLAGS = ExchangeFlag.SUPP_MOVED_REFER | ExchangeFlag.SUPP_MOVED_MIGR |
  ExchangeFlag.BIND_PRINC_STATEID | ExchangeFlag.USE_NON_PNFS |
  ExchangeFlag.USE_PNFS_MDS | ExchangeFlag.USE_PNFS_DS |
  ExchangeFlag.UPD_CONFIRMED_REC_A;
const FLAGS_42 = FLAGS | ExchangeFlag.SUPP_FENCE_OPS;

/** What of ssv_sp_parms4 decides how it is refused. */
interface SsvParms {
  readonly hashAlgorithms: number;
  readonly encryptionAlgorithms: number;
  readonly window: number;
}

/** EXCHANGE_ID4args (RFC 8881 18.35.1). */
export interface ExchangeIdArgs {
  /** co_verifier. */
  readonly verifier: Uint8Array;
  /** co_ownerid. */
  readonly owner: Uint8Array;
  /** eia_flags. */
  readonly flags: number;
  /** spa_how. */
  readonly protection: number;
  /** Counts of spa_ssv_parms. */
  readonly ssv: SsvParms | undefined;
}

/** EXCHANGE_ID (RFC 8881 18.35): a client makes itself known. */
export const exchangeId: Operation<ExchangeIdArgs, "state"> = {
  decode(xdr) {
    const verifier = xdr.opaqueFixed(VERIFIER_SIZE);
    const owner = xdr.opaque(OPAQUE_LIMIT);
    const flags = xdr.uint32();
    const protection = xdr.discriminant(SP4_SSV);
    if (protection !== SP4_NONE) readProtectedOperations(xdr);
    const ssv = protection === SP4_SSV ? readSsvParms(xdr) : undefined;
    // RFC 8881 18.35.3: what it says about itself must not make a difference.
    xdr.array(1, readImplementationId);
    return { verifier, owner, flags, protection, ssv };
  },

  run(context, args) {
    if ((args.flags & ~knownFlags(context.minorVersion)) !== 0) {
      return Status.INVAL;
    }
    const refused = checkProtection(args);
    if (refused !== Status.OK) return refused;
    const client = exchangeClientId(context.services.state, {
      owner: args.owner,
      verifier: args.verifier,
      principal: context.credential.principal,
      party: context.connection.party,
      update: (args.flags & ExchangeFlag.UPD_CONFIRMED_REC_A) !== 0,
    });
    if (isStatus(client)) return client;
    encode(context, client);
    return Status.OK;
  },
};

function knownFlags(minorVersion: MinorVersion): number {
  return minorVersion === 2 ? FLAGS_42 : FLAGS;
}

/** There is no RPCSEC_GSS here, and protection is made of it. */
function checkProtection(
  args: ExchangeIdArgs,
): typeof Status.OK | typeof Status.INVAL | typeof Status.ENCR_ALG_UNSUPP {
  const { ssv } = args;
  if (ssv !== undefined) {
    // RFC 8881 18.35.3: empty lists and an empty window first.
    const empty = ssv.hashAlgorithms === 0 ||
      ssv.encryptionAlgorithms === 0 || ssv.window === 0;
    return empty ? Status.INVAL : Status.ENCR_ALG_UNSUPP;
  }
  // RFC 8881 18.35.3: SP4_MACH_CRED must come with RPCSEC_GSS.
  return args.protection === SP4_MACH_CRED ? Status.INVAL : Status.OK;
}

function encode(context: CompoundContext, client: Client): void {
  const { reply, services } = context;
  const { identity } = services.state;
  reply.uint64(client.id);
  // What the next CREATE_SESSION must carry; without a meaning once confirmed.
  reply.uint32((client.createSession.sequence + 1) >>> 0);
  reply.uint32(
    (ExchangeFlag.USE_NON_PNFS |
      (client.isConfirmed ? ExchangeFlag.CONFIRMED_R : 0)) >>> 0,
  );
  reply.uint32(SP4_NONE);
  reply.uint64(0n); // so_minor_id: all connections reach the same server
  reply.opaque(identity.majorId);
  reply.opaque(identity.scope);
  reply.uint32(0); // eir_server_impl_id: none of a client's business
}

function readProtectedOperations(xdr: XdrReader): void {
  readBitmap(xdr);
  readBitmap(xdr);
}

function readSsvParms(xdr: XdrReader): SsvParms {
  const hashAlgorithms = readAlgorithms(xdr);
  const encryptionAlgorithms = readAlgorithms(xdr);
  const window = xdr.uint32();
  xdr.uint32(); // ssp_num_gss_handles
  return { hashAlgorithms, encryptionAlgorithms, window };
}

function readAlgorithms(xdr: XdrReader): number {
  return xdr.array(MAX_ALGORITHMS, (item) => item.opaque(OPAQUE_LIMIT)).length;
}

function readImplementationId(xdr: XdrReader): void {
  xdr.opaque(OPAQUE_LIMIT); // nii_domain
  xdr.opaque(OPAQUE_LIMIT); // nii_name
  xdr.int64(); // nii_date
  xdr.uint32();
}
