import { type Steps, wait } from "../../../base/awaitable.ts";
import { isStatus, Share, type StatusCode } from "../../../nfs4/constants.ts";
import { RIGHTS } from "../../../vfs/wanted.ts";
import { attributesOf } from "../../files/attributes_of.ts";
import type { ChangingContext } from "../../files/changing.ts";
import type { CompoundContext } from "../../context.ts";
import type { OpenArgs, OpenClaim } from "./args.ts";
import { openByName } from "./by_name.ts";
import { rightOf } from "./right.ts";
import { existingTarget, type OpenTarget } from "./target.ts";

/** The file that an OPEN claims (RFC 8881 18.16.3). */
export function findTarget(
  context: ChangingContext<"sometimes">,
  args: OpenArgs,
): Steps<OpenTarget | StatusCode> {
  const { claim, create, shareAccess, shareDeny: deny } = args;
  const access = shareAccess & Share.ACCESS_BOTH;
  return "name" in claim
    ? openByName(context, { claim, access, deny, create })
    : byHandle(context, { claim, access, deny });
}

/** What opens the current filehandle. */
function* byHandle(
  context: CompoundContext,
  { claim, access, deny }: {
    readonly claim: OpenClaim;
    readonly access: number;
    readonly deny: number;
  },
): Steps<OpenTarget | StatusCode> {
  const { file } = context;
  const right = rightOf(context, file, { claim, access });
  if (isStatus(right)) return right;
  const attributes = yield* wait(attributesOf(file, RIGHTS));
  return existingTarget(context, file, { attributes, access, deny, right });
}
