import {
  type MetricsServer,
  type MetricsServerOptions,
  serveMetrics,
} from "../metrics/http.ts";

/** The HTTP server of metrics and health, which a server may open at any time, or never. */
export class MetricsPort {
  readonly #options: Omit<MetricsServerOptions, "port" | "trouble">;
  #server: MetricsServer | undefined;

  constructor(options: Omit<MetricsServerOptions, "port" | "trouble">) {
    this.#options = options;
  }

  /** The TCP port that was bound; `undefined` until then. */
  get port(): number | undefined {
    return this.#server?.port;
  }

  /** Binds the port unless one is bound already; throws when it is taken. */
  open(at: Pick<MetricsServerOptions, "port" | "trouble">): void {
    this.#server ??= serveMetrics({ ...this.#options, ...at });
  }

  /** {@inheritDoc MetricsServer.spare} */
  spare(): boolean {
    return this.#server?.spare() ?? false;
  }

  /** {@inheritDoc MetricsServer.close} */
  async close(deadline: AbortSignal): Promise<void> {
    await this.#server?.close(deadline);
  }
}
