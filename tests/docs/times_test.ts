import { assert, assertEquals } from "@std/assert";
import {
  BACKOFF_MS,
  DELAY_MS,
  FULL_LEASE_MS,
  REPLY_TIMEOUT_MS,
} from "../../src/backchannel/retry_policy.ts";
import {
  IDLE_TIMEOUT,
  PROBE_INTERVAL,
} from "../../src/backchannel/dial_out.ts";
import {
  CONTENTION,
  QUERY_TIMEOUT,
} from "../../src/delegations/delegation_keeper.ts";
import { RESEND } from "../../src/delegations/recall_queue.ts";
import { PAUSE } from "../../src/backends/local/guards.ts";
import { LONGEST_TURN } from "../../src/engine/compound.ts";
import { LIFE } from "../../src/host/users.ts";
import { HURRY } from "../../src/rpc/listener.ts";
import { MIN_PROGRESS, PATIENCE } from "../../src/rpc/connection_watch.ts";
import { DEFAULT_FILE_SYSTEM_MS } from "../../src/server/options.ts";
import { GRACE_EXTENSION_MS } from "../../src/state/grace.ts";
import {
  FIRST_RETRY_AFTER,
  MAX_RETRY_AFTER,
  MIN_RETRY_AFTER,
  TURN,
} from "../../src/state/lock_queue.ts";
import { SLICE } from "../../src/base/turn.ts";
import { noFiles, read } from "./documents.ts";

const WORDS: Readonly<Record<string, number>> = {
  a: 1,
  two: 2,
  five: 5,
  ten: 10,
};
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  second: 1_000,
  minute: 60_000,
  KiB: 1_024,
};

/** What documents say, with a group for each number and unit, and what it is in milliseconds. */
const TIMES: Readonly<Record<string, readonly [RegExp, readonly number[]][]>> =
  {
    "src/rpc/README.md": [
      [/has moved less than (\d+) (KiB) in/, [MIN_PROGRESS]],
      [/KiB in (ten) (second)s is closed/, [PATIENCE.hoard]],
      [/in (two) (second)s, where a quiet/, [PATIENCE.hoard / HURRY]],
      [/takes less than (\d+) (KiB) of its replies/, [MIN_PROGRESS]],
      [/of its replies in (two) (minute)s, and/, [PATIENCE.stall]],
      [/without a call in its first (\d+) (s)\./, [PATIENCE.handshake]],
    ],
    "src/backends/local/README.md": [
      [/is listed in slices of (\d+) (ms),/, [SLICE]],
      [/hears of it some (\d+) (ms) after/, [PAUSE]],
    ],
    "src/state/README.md": [
      [/its operations have taken (\d+) (ms), and so/, [LONGEST_TURN]],
      [/for others shares slices of (\d+) (ms) /, [SLICE]],
      [/was told by CB_NOTIFY_LOCK has (\w+) (second)s/, [TURN]],
      [/counted from the last one: (\w+) (second)s at least/, [
        MIN_RETRY_AFTER,
      ]],
      [/(five) after the first request, (\d+) (second)s at most/, [
        FIRST_RETRY_AFTER,
        MAX_RETRY_AFTER,
      ]],
      [/The grace period lasts (\d+) (s) at least/, [GRACE_EXTENSION_MS]],
    ],
    "src/vfs/README.md": [
      [/after `fileSystemTimeout` \((\d+) (s)\)/, [DEFAULT_FILE_SYSTEM_MS]],
    ],
    "src/host/README.md": [
      [/good for (\d+) (s); group 65534/, [LIFE]],
    ],
    "PROTOCOL.md": [
      [/same bytes again, (\d+) (ms) and doubling/, [DELAY_MS]],
      [/ms and doubling, for (\d+) (s) \|/, [REPLY_TIMEOUT_MS]],
      [/a new recall after (\d+) (ms) and doubling/, [RESEND]],
      [/closed after (a) (minute) without use/, [IDLE_TIMEOUT]],
      [/tried again every (\d+) (second)s/, [PROBE_INTERVAL]],
      [/no reply in (\d+) (s),/, [REPLY_TIMEOUT_MS]],
      [/again after (\d+) s, then (\d+) (s) /, BACKOFF_MS.slice(0, 2)],
      [/stands\. (\d+) (s), 3 attempts/, [REPLY_TIMEOUT_MS]],
      [/3 attempts and (\d+), (\d+), (\d+) (s) are/, BACKOFF_MS],
      [/with a lease shorter than (\d+) (s) as much/, [FULL_LEASE_MS]],
      [/not recalled in the last (\d+) (second)s/, [CONTENTION]],
      [/by CB_GETATTR for (\d+) (ms)/, [QUERY_TIMEOUT]],
    ],
  };

for (const [document, times] of Object.entries(TIMES)) {
  Deno.test(`the times that ${document} tells are the server's own`, {
    ignore: noFiles,
  }, () => {
    const text = read(document).replaceAll(/\s+/g, " ");
    for (const [says, expected] of times) {
      const match = says.exec(text);
      assert(match !== null, `${says}`);
      const groups = match.slice(1);
      const unit = UNITS[groups.pop()!]!;
      const told = groups.map((word) => (WORDS[word] ?? Number(word)) * unit);
      assertEquals(told, [...expected], `${says}`);
    }
  });
}
