import { Counter, Gauge, Histogram, type Metric } from "prom-client";
import { type MetricsRegistry, PREFIX } from "./registry.ts";

/** Name without the prefix, and what it means. */
interface Described<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

/** The registry's counter of that name, made where there is none yet. */
export function counter<Label extends string = never>(
  registry: MetricsRegistry,
  { name, help, labels = [] }: Described<Label>,
): Counter<Label> {
  return reuse(registry, name, (name, registers) => {
    return new Counter({ name, help, labelNames: labels, registers });
  });
}

/** The registry's counter of that name; a scrape reads what `collect` sets. */
export function collectedCounter<Label extends string = never>(
  registry: MetricsRegistry,
  { collect, ...described }: Described<Label> & {
    readonly collect: (counter: Counter<Label>) => void;
  },
): Counter<Label> {
  const made = counter(registry, described);
  return Object.assign(made, {
    collect() {
      made.reset();
      collect(made);
    },
  });
}

/** The registry's gauge of that name; with `collect` a scrape reads what that sets. */
export function gauge<Label extends string = never>(
  registry: MetricsRegistry,
  { name, help, labels = [], collect }: Described<Label> & {
    readonly collect?: (gauge: Gauge<Label>) => void | Promise<void>;
  },
): Gauge<Label> {
  const made = reuse(registry, name, (name, registers) => {
    return new Gauge({ name, help, labelNames: labels, registers });
  });
  if (collect === undefined) return made;
  return Object.assign(made, { collect: () => collect(made) });
}

/** The registry's histogram of that name, with buckets up to so many seconds. */
export function histogram(
  registry: MetricsRegistry,
  { name, help, buckets }: Described<never> & {
    readonly buckets: readonly number[];
  },
): Histogram {
  return reuse(registry, name, (name, registers) => {
    return new Histogram({ name, help, buckets: [...buckets], registers });
  });
}

function reuse<M extends Metric>(
  { prometheus }: MetricsRegistry,
  name: string,
  make: (name: string, registers: [typeof prometheus]) => M,
): M {
  const full = PREFIX + name;
  return prometheus.getSingleMetric(full) as M | undefined ??
    make(full, [prometheus]);
}
