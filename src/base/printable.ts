/**
 * Control and format characters would let a client forge lines, drive the
 * terminal of the operator who reads them, or show their text in another order.
 * What stands in place of them is good in a JSON string as well.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return character.split("").map((unit) => {
      return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    }).join("");
  });
}
