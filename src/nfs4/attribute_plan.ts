import type { XdrWriter } from "../xdr/writer.ts";
import { ATTRIBUTES, isSupported } from "./attributes.ts";
import type {
  AttributeRow,
  AttributeSource,
  AttributeTerms,
  Extra,
} from "./attributes/row.ts";
import { Bitmap, PerBitmap, writeBitmap } from "./bitmap.ts";

/** What is supported on some terms, and how it is written. */
export class AttributeOffer {
  /** supported_attrs (RFC 8881 5.8.1.1). */
  readonly supported: Bitmap;
  /** suppattr_exclcreat (RFC 8881 5.8.1.14): what an exclusive create can set. */
  readonly exclusive: Bitmap;
  /** What can be set and not got. */
  readonly setOnly: Bitmap;
  readonly #plans = new PerBitmap((requested) =>
    // RFC 8881 18.7.3: what is not supported is left out of the answer.
    new AttributePlan(requested.and(this.supported).without(this.setOnly))
  );

  constructor(terms: AttributeTerms) {
    const rows = ATTRIBUTES.filter((row): row is AttributeRow =>
      row !== undefined && isSupported(row, terms)
    );
    const numbers = (some: AttributeRow[]) =>
      Bitmap.ofNumbers(some.map((row) => row.number));
    this.supported = numbers(rows);
    this.exclusive = numbers(
      rows.filter((row) => row.set && row.setOnlyFor !== "set"),
    );
    this.setOnly = numbers(rows.filter((row) => row.get === undefined));
  }

  /** How to write what is supported of the requested attributes. */
  plan(requested: Bitmap): AttributePlan {
    return this.#plans.get(requested);
  }
}

/** How a set of attributes is written. */
export class AttributePlan {
  /** The attributes that are written. */
  readonly bitmap: Bitmap;
  /** Whether `source.space` is used. */
  readonly needsSpace: boolean;
  /** Whether `source.hasNamedAttributes` is used. */
  readonly needsNamed: boolean;
  readonly #rows: readonly AttributeRow[];

  /** All attributes of the bitmap have a row that can be got. */
  constructor(bitmap: Bitmap) {
    this.bitmap = bitmap;
    this.#rows = [...bitmap.numbers()].map((number) => ATTRIBUTES[number]!);
    const needs = (extra: Extra) =>
      this.#rows.some((row) => row.needs === extra);
    this.needsSpace = needs("space");
    this.needsNamed = needs("named attributes");
  }

  /** Writes a fattr4. */
  write(xdr: XdrWriter, source: AttributeSource): void {
    writeBitmap(xdr, this.bitmap);
    const lengthAt = xdr.position;
    xdr.uint32(0);
    this.writeValues(xdr, source);
    xdr.patchUint32(lengthAt, xdr.position - lengthAt - 4);
  }

  /** Writes the values alone. */
  writeValues(xdr: XdrWriter, source: AttributeSource): void {
    const rows = this.#rows;
    for (let i = 0; i < rows.length; i++) rows[i]!.get!(xdr, source);
  }
}
