import { NO_ID } from "../base/option_values.ts";
import { Status, type StatusCode } from "./constants.ts";

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The number of an owner or owner_group string. AUTH_SYS knows numbers only, so
 * what is understood is a decimal number without leading zeros (RFC 7530 5.9,
 * RFC 8881 5.9); "name@domain" would need a directory that we don't have.
 */
export function parseOwner(
  text: Uint8Array,
): { readonly id: number } | StatusCode {
  // RFC 8881 15.1.7: strings have a length and are UTF-8.
  if (text.length === 0) return Status.INVAL;
  let id = 0;
  for (const byte of text) {
    if (byte < DIGIT_0 || byte > DIGIT_9) return unknown(text);
    id = id * 10 + byte - DIGIT_0;
  }
  const leadingZero = text[0] === DIGIT_0 && text.length > 1;
  if (leadingZero || id >= NO_ID) return Status.BADOWNER;
  return { id };
}

function unknown(text: Uint8Array): StatusCode {
  try {
    utf8.decode(text);
    return Status.BADOWNER;
  } catch {
    return Status.INVAL;
  }
}
