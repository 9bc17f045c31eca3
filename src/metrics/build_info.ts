import denoConfig from "../../deno.json" with { type: "json" };
import type { MetricsRegistry } from "./registry.ts";
import { gauge } from "./instruments.ts";

/** `build_info{version,deno}`: 1, for what runs here. */
export function observeBuild(registry: MetricsRegistry): void {
  gauge(registry, {
    name: "build_info",
    help: "1, with the versions of the server and of Deno.",
    labels: ["version", "deno"],
  }).set({ version: denoConfig.version, deno: Deno.version.deno }, 1);
}
