/**
 * Lines out of a stream of text.
 *
 * @module
 */

/** Passes on each line without its end; the last one needs none. */
export class TextLineStream extends TransformStream<string, string> {
  /** A stream of lines. */
  constructor() {
    let rest = "";
    super({
      transform(chunk, controller) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line.replace(/\r$/, ""));
      },
      flush(controller) {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}
