import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { type Bitmap, readBitmap } from "../../nfs4/bitmap.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Delegation } from "../../state/delegations.ts";
import type { FileAttributes } from "../../vfs/file_system.ts";
import { askHolder, heldByAnother } from "../attributes/held_attributes.ts";
import { extrasFor } from "../attributes/attribute_table.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** GETATTR (RFC 8881 18.7, RFC 7530 16.7): the attributes that are asked for. */
export const getattr: Operation<Bitmap> = {
  decode: readBitmap,

  run(context, requested) {
    const { file, services } = context;
    const held = heldByAnother(context, file, requested);
    if (held !== undefined) return take(ask(context, requested, held));
    const wanted = services.attributes.wanted(requested);
    const attributes = attributesOf(file, wanted);
    return attributes instanceof Promise
      ? attributes.then((attributes) => answer(context, requested, attributes))
      : answer(context, requested, attributes);
  },
};

function* ask(
  context: CompoundContext,
  requested: Bitmap,
  delegation: Delegation,
): Steps<StatusCode> {
  const { file } = context;
  const attributes = yield* askHolder(context, file, { delegation, requested });
  return isStatus(attributes)
    ? attributes
    : yield* wait(answer(context, requested, attributes));
}

function answer(
  context: CompoundContext,
  requested: Bitmap,
  attributes: FileAttributes,
): Awaitable<StatusCode> {
  const { file, services: { attributes: table } } = context;
  const offer = table.offer(context.minorVersion, file, attributes);
  // RFC 8881 5.5, RFC 7530 5.5: what can only be set can't be got.
  if (requested.meets(offer.setOnly)) return Status.INVAL;
  const plan = offer.plan(requested);
  const extras = extrasFor(plan, file, attributes);
  if (extras instanceof Promise) {
    return extras.then((extras) => {
      plan.write(
        context.reply,
        table.source(file, { attributes, offer, extras }),
      );
      return Status.OK;
    });
  }
  plan.write(
    context.reply,
    table.source(file, { attributes, offer, extras }),
  );
  return Status.OK;
}
