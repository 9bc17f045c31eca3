import { Registry } from "prom-client";

/** In front of every metric's name. */
export const PREFIX = "dittofs_nfs_";

/** The metrics of one server: none of them is global, so that servers can share a process. */
export class MetricsRegistry {
  /** prom-client's registry; what the groups of metrics register with. */
  readonly prometheus: Registry = new Registry();

  /** The text of a scrape, in the Prometheus exposition format. */
  text(): Promise<string> {
    return this.prometheus.metrics();
  }

  /** Content-Type of {@linkcode MetricsRegistry.text}. */
  get contentType(): string {
    return this.prometheus.contentType;
  }
}
