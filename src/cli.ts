import denoConfig from "../deno.json" with { type: "json" };
import { parseArguments } from "./cli/arguments.ts";
import { HELP } from "./cli/help.ts";
import { complain, print } from "./cli/output.ts";
import { runServer } from "./cli/serve.ts";
import { prepareSignals } from "./cli/signals.ts";
import { runCheck, runExport, runImport } from "./cli/store.ts";
import { UsageError } from "./cli/values.ts";

/** Exit status of what can't be done: a command line, a folder, a port that can't be used. */
const REFUSED = 2;

/** Runs the command line; returns the exit status when all is done. */
export async function main(args: readonly string[]): Promise<number> {
  const ignored = prepareSignals();
  try {
    const parsed = parseArguments(args);
    switch (parsed.command) {
      case "help":
        print(HELP);
        return 0;
      case "version":
        print(`dittofs-nfs4 ${denoConfig.version}\n`);
        return 0;
      case "serve":
        return await runServer(parsed, ignored);
      case "check":
        return await runCheck(parsed.directory);
      case "export":
        return await runExport(parsed.directory);
      case "import":
        return await runImport(parsed.directory, parsed);
    }
  } catch (error) {
    const [line = ""] = String(error instanceof Error ? error.message : error)
      .split("\n");
    complain(error instanceof UsageError ? `${line} (see --help)` : line);
    return REFUSED;
  }
}
