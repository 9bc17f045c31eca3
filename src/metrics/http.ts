import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Turn } from "../base/turn.ts";
import { type Answer, HttpListener } from "./http_listener.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter } from "./instruments.ts";

/** Bytes of answers after which the metrics port ends its connections, in case none was taken. */
const MAX_GIVEN = 2 ** 26;

/** What {@linkcode serveMetrics} serves. */
export interface MetricsServerOptions {
  /** Address to bind. */
  readonly hostname: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** The metrics behind `/metrics`. */
  readonly registry: MetricsRegistry;
  /** Why the server can't do its work: `/healthz` is 503 then, 200 otherwise. */
  readonly trouble: () => string | undefined;
  /** Why it should not be sent clients just now: `/readyz`, in the same way. */
  readonly unready: () => string | undefined;
  /** A scrape has its turn among the requests of NFS. */
  readonly turn: Pick<Turn, "next">;
  /** How many may ask at once. */
  readonly limits: { readonly maxMetricsRequests: number };
  /** What its pauses go by. */
  readonly clock: Clock;
  /** Hears of errors of our own. */
  readonly logger: Logger;
}

/** `/metrics`, `/healthz` and `/readyz` over HTTP. */
export interface MetricsServer {
  /** The port that was bound. */
  readonly port: number;
  /** Ends its connections, since descriptors are short; whether that may have freed any. */
  spare(): boolean;
  /** Answers what has come, until `deadline` aborts; resolves when nothing is left. */
  close(deadline: AbortSignal): Promise<void>;
}

/** Starts the HTTP server of metrics and health; throws when the port is taken. */
export function serveMetrics(options: MetricsServerOptions): MetricsServer {
  const { registry, trouble, unready, limits, ...rest } = options;
  const refused = counter(registry, {
    name: "metrics_requests_refused_total",
    help: "Requests turned away at the metrics port's limit.",
  });
  return new HttpListener({
    ...rest,
    maxRequests: limits.maxMetricsRequests,
    maxGiven: MAX_GIVEN,
    refused: () => refused.inc(),
    isProbe: ({ pathname }) =>
      pathname === "/healthz" || pathname === "/readyz",
    handler: async ({ pathname }) => {
      switch (pathname) {
        case "/metrics":
          return {
            text: await registry.text(),
            headers: { "content-type": registry.contentType },
          };
        case "/healthz":
          return verdict(trouble());
        case "/readyz":
          return verdict(trouble() ?? unready());
        default:
          return { status: 404, text: "see /metrics, /healthz and /readyz\n" };
      }
    },
  });
}

/** 200, or 503 with the reason. */
function verdict(reason: string | undefined): Answer {
  return reason === undefined
    ? { text: "ok\n" }
    : { status: 503, text: `${reason}\n` };
}
