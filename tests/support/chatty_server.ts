/** Serves, and fills whatever is behind standard error; ends when standard input does. */
import { memory } from "../../src/backends/memory/mod.ts";
import { createLogger } from "../../src/base/log.ts";
import { serve } from "../../src/server.ts";

const LINES = 12_000;

const log = createLogger();
const server = await serve(memory(), { port: 0, metricsPort: 0, log });
for (let i = 0; i < LINES; i++) log.warn("x".repeat(100), { i });
const ports = `${server.port} ${server.metricsPort}\n`;
await Deno.stdout.write(new TextEncoder().encode(ports));
for await (const _ of Deno.stdin.readable);
await server.close();
await log.flush?.(200);
Deno.exit(0);
