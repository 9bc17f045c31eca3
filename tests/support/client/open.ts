/** Opening a file by its path, the same in all minor versions. */

import { Share } from "../../../src/nfs4/constants.ts";
import { op } from "./op.ts";
import type { OpenClaim, OpenCreate } from "./ops_state.ts";
import { bytesOf, type Component, type Request } from "./request.ts";
import type { OkResult } from "./results.ts";

/** How a file is opened. */
export interface OpenFileOptions {
  /** Both by default. */
  readonly access?: number | undefined;
  readonly deny?: number | undefined;
  /** Open-owner; "owner" by default. */
  readonly owner?: Component | undefined;
  readonly create?: OpenCreate | undefined;
  /** In place of CLAIM_NULL with the last name of the path. */
  readonly claim?: OpenClaim | undefined;
}

/** An open file. */
export type OpenedFile = OkResult<"OPEN"> & OkResult<"GETFH">;

/** PUTROOTFH, a LOOKUP for each folder, OPEN, GETFH. */
export function openRequests(
  path: readonly Component[],
  options: OpenFileOptions & {
    readonly clientid: bigint;
    readonly seqid?: number | undefined;
  },
): Request[] {
  const folders = options.claim ? path : path.slice(0, -1);
  const name = path.at(-1) ?? "";
  return [
    ...walk(folders),
    op.open({
      seqid: options.seqid,
      access: options.access ?? Share.ACCESS_BOTH,
      deny: options.deny,
      owner: {
        clientid: options.clientid,
        owner: bytesOf(options.owner ?? "owner"),
      },
      create: options.create,
      claim: options.claim ?? { claim: "null", name },
    }),
    op.getfh(),
  ];
}

/** PUTROOTFH and a LOOKUP for each name. */
export function walk(path: readonly Component[]): Request[] {
  return [op.putrootfh(), ...path.map((name) => op.lookup(name))];
}
