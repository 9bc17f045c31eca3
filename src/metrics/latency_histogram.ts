import { Histogram, type Registry } from "prom-client";

type Labels = Record<string, string | number>;

/** What prom-client prints of a metric. */
interface Printed {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly aggregator: "sum";
  readonly values: {
    readonly metricName: string;
    readonly value: number;
    readonly labels: Labels;
  }[];
}

/** Counts of one label set. */
class Series {
  readonly buckets: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: number) {
    this.buckets = new Float64Array(bounds);
  }
}

/**
 * A histogram that is filled on the hot path: its series are found by an
 * integer, and labels are put together at a scrape.
 */
export class LatencyHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series: (Series | undefined)[] = [];
  readonly #labels: (key: number) => Record<string, string>;

  /** `buckets` are upper bounds in seconds; `labels` names the series of a small integer. */
  constructor(
    options: {
      name: string;
      help: string;
      registers: Registry[];
      buckets: readonly number[];
      labels: (key: number) => Record<string, string>;
    },
  ) {
    const { name, help, registers, buckets } = options;
    super({ name, help, registers, buckets: [...buckets] });
    this.#name = name;
    this.#help = help;
    this.#bounds = buckets;
    this.#labels = options.labels;
  }

  /** Adds one observation to the series of `key`. */
  add(key: number, seconds: number): void {
    const series = this.#series[key] ??= new Series(this.#bounds.length);
    series.sum += seconds;
    series.count++;
    for (let i = 0; i < this.#bounds.length; i++) {
      if (seconds <= this.#bounds[i]!) {
        series.buckets[i]!++;
        return;
      }
    }
  }

  /**
   * What prom-client prints, and `get` gives: cumulative buckets, sum and count of
   * each series. Its own, which its types don't tell of, knows none of them.
   */
  getForPromString(): Promise<Printed> {
    const values: Printed["values"] = [];
    this.#series.forEach((series, key) => {
      if (series === undefined) return;
      const labels = this.#labels(key);
      const put = (suffix: string, value: number, extra: Labels = {}) =>
        values.push({
          metricName: this.#name + suffix,
          value,
          labels: { ...labels, ...extra },
        });
      let cumulative = 0;
      this.#bounds.forEach((bound, i) => {
        cumulative += series.buckets[i]!;
        put("_bucket", cumulative, { le: bound });
      });
      put("_bucket", series.count, { le: "+Inf" });
      put("_sum", series.sum);
      put("_count", series.count);
    });
    return Promise.resolve({
      name: this.#name,
      help: this.#help,
      type: "histogram",
      aggregator: "sum",
      values,
    });
  }
}
