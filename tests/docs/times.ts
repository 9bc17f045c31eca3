import {
  ATTEMPTS,
  BACKOFF_MS,
  DELAY_MS,
  FULL_LEASE_MS,
  REPLY_TIMEOUT_MS,
} from "../../src/backchannel/retry_policy.ts";
import {
  IDLE_TIMEOUT,
  PROBE_INTERVAL,
} from "../../src/backchannel/dial_out.ts";
import { MAX_REPLY } from "../../src/backchannel/dialler.ts";
import { LONGEST_DELAY } from "../../src/backchannel/sender.ts";
import { PAGE } from "../../src/backends/common/piece.ts";
import { MOST_XATTR_BYTES } from "../../src/backends/common/xattrs.ts";
import { LAST_WAIT } from "../../src/backends/local/closing.ts";
import { MUCH as MUCH_CONTENT } from "../../src/backends/local/apart/crossings.ts";
import { START_MS } from "../../src/backends/local/apart/carried_folder.ts";
import { ONCE_LARGE } from "../../src/backends/local/folder_entries.ts";
import { PAUSE } from "../../src/backends/local/guards.ts";
import { LOOK_MS } from "../../src/backends/local/mount_watch.ts";
import { LOOK } from "../../src/backends/local/idle_files.ts";
import { LASTING } from "../../src/backends/local/kept_pages.ts";
import { MAX_BYTES } from "../../src/backends/local/listings.ts";
import {
  LASTING as SLOW_FOR,
  MUCH,
} from "../../src/backends/common/host_pace.ts";
import { LARGE, SCATTERED } from "../../src/backends/common/long_calls.ts";
import { MAX_SYNC } from "../../src/backends/common/transfers.ts";
import { MOST_BY_ITSELF } from "../../src/backends/memory/options.ts";
import {
  MOST_BYTES,
  ROW_BYTES,
} from "../../src/backends/sqlite/content_journal.ts";
import { MOST_COPIED } from "../../src/backends/sqlite/copying_out.ts";
import { MANY_COMMITS } from "../../src/backends/sqlite/content_syncs.ts";
import { INSIDE } from "../../src/backends/sqlite/small_contents.ts";
import { JOURNALED } from "../../src/backends/sqlite/writes.ts";
import { RESERVE } from "../../src/backends/sqlite/disk_room.ts";
import { COMMIT_BYTES } from "../../src/backends/sqlite/options.ts";
import { MINUTE_MS } from "../../src/base/log_limit.ts";
import { SLICE } from "../../src/base/turn.ts";
import { LEAST_BUFFERS, MOST_BUFFERS } from "../../src/cli/serve.ts";
import { BATCH_MS } from "../../src/delegations/folder_notices.ts";
import { FACTOR, PROMPT_MS } from "../../src/delegations/late_returns.ts";
import { CONTENTION } from "../../src/delegations/contention.ts";
import {
  QUERY_TIMEOUT,
  RETRY_AFTER as RECALL_AFTER,
} from "../../src/delegations/delegation_keeper.ts";
import {
  LONGEST_RESEND,
  MAX_RESENDS,
  RESEND,
} from "../../src/delegations/until_heard.ts";
import { LONGEST_TURN } from "../../src/engine/compound_run.ts";
import { CHUNK } from "../../src/engine/files/content_copy.ts";
import { LONGEST_AT_ONCE, MOST_AT_ONCE } from "../../src/engine/bulk_work.ts";
import { LIFE, MAX_TABLE } from "../../src/host/users.ts";
import { STATEID_OTHER_SIZE } from "../../src/nfs4/constants.ts";
import { CLAIM_AGAIN_MS } from "../../src/recovery/last_server.ts";
import { PAUSE_MS } from "../../src/rpc/accept.ts";
import { SMALL_REPLY } from "../../src/rpc/buffer_budget.ts";
import { MIN_PROGRESS, PATIENCE } from "../../src/rpc/connection_watch.ts";
import { HURRIED_LOOKS, HURRY, SWEEP_MS } from "../../src/rpc/listener.ts";
import { LARGEST_WRITER } from "../../src/rpc/pools.ts";
import { LAST_MS } from "../../src/server/file_systems.ts";
import { SWEEP_INTERVAL_MS } from "../../src/server/options.ts";
import { DEFAULT_FILE_SYSTEM_MS } from "../../src/server/options.ts";
import { LONGEST_ANSWER } from "../../src/state/duplicate_requests.ts";
import { GRACE_EXTENSION_MS } from "../../src/state/grace.ts";
import { ANSWER_AGE_MS, ARRIVAL_MS } from "../../src/state/kept_answers.ts";
import {
  FIRST_RETRY_AFTER,
  MAX_RETRY_AFTER,
  MIN_RETRY_AFTER,
  TURN,
} from "../../src/state/lock_queue.ts";
import { DAY } from "../../src/state/server_state.ts";
import { MUCH as MUCH_KEPT } from "../../src/state/reply_limit.ts";
import { SHARE } from "../../src/state/party_shares.ts";
import { HANDLE_SIZE, LONG_HANDLE_SIZE } from "../../src/vfs/file_handle.ts";
import {
  MAX_ATTRIBUTE,
  PART,
} from "../../src/vfs/named_attributes/attribute_parts.ts";
import { MAX_XATTR_VALUE } from "../../src/vfs/xattrs.ts";

/** By document, and by the words before a time, size or number of times. */
type Told<T> = Readonly<Record<string, Readonly<Record<string, T>>>>;

/** What the server's own constants say, in milliseconds, bytes or times. */
export const TIMES: Told<number | readonly number[]> = {
  "README.md": {
    "for as long; its last": RESERVE,
    "an eighth of the machine's,": LEAST_BUFFERS,
    "an eighth of the machine's, 64M to": MOST_BUFFERS,
    "in memory with values up to": MAX_XATTR_VALUE,
    "in memory with values up to 64 KiB,": MOST_XATTR_BYTES,
    "resource forks up to": MAX_ATTRIBUTE,
    "each is a file, of at most": MAX_ATTRIBUTE,
    "of at most 4 MiB. Those above": PART,
    "are kept in several of": PART,
    "A call that takes longer than": DEFAULT_FILE_SYSTEM_MS,
    "trusted with the file return it, and for": CONTENTION,
  },
  "PROTOCOL.md": {
    "of the log are shared out among parties too: 120": MINUTE_MS,
    "NFS4ERR_DELAY and is asked again in": [1, 2, 4].map((n) => n * DELAY_MS),
    "or is tried anew after": RECALL_AFTER,
    "closed after": IDLE_TIMEOUT,
    "tried again every": PROBE_INTERVAL,
    "then upon the next answer, or in": SWEEP_INTERVAL_MS,
    "| no reply in": REPLY_TIMEOUT_MS,
    "neither answers | again after": BACKOFF_MS[0],
    "neither answers | again after 5 s, then": BACKOFF_MS[1],
    "asked before it from now on | |": ATTEMPTS,
    "| the same bytes again,": DELAY_MS,
    "again, 20 ms and doubling up to": LONGEST_DELAY,
    "doubling up to 1 s; after": REPLY_TIMEOUT_MS,
    "| a new recall after": RESEND,
    "a new recall after 100 ms and doubling up to": LONGEST_RESEND,
    "and doubling up to 5 s,": MAX_RESENDS,
    "and a recall anew after": RECALL_AFTER,
    "what the client said stands.": REPLY_TIMEOUT_MS,
    "what the client said stands. 10 s,": ATTEMPTS,
    "attempts and the waits of": BACKOFF_MS[0],
    "attempts and the waits of 5 s and": BACKOFF_MS[1],
    "between them (": BACKOFF_MS[2],
    "with a lease shorter than": FULL_LEASE_MS,
    "was not recalled in the last": CONTENTION,
    "by CB_GETATTR for": QUERY_TIMEOUT,
  },
  "src/backchannel/README.md": {
    "the same bytes within the attempt, after": DELAY_MS,
    "after 20 ms and doubling up to": LONGEST_DELAY,
    "at most, a reply has": MAX_REPLY,
  },
  "src/backends/common/README.md": { "contents in pieces of": PAGE },
  "src/backends/local/README.md": {
    "is listed in slices of": SLICE,
    "Once they have kept the worker for": SLICE,
    "the listings kept take": MAX_BYTES,
    "reads each part of a folder that takes more than": ONCE_LARGE,
    "Of those with more than": MUCH_CONTENT,
    "so of those that are held all are looked at every": LOOK,
    "entries, and answered again within": LASTING,
    "Of a file that takes more than": SCATTERED,
    "or is longer than": LARGE,
    "At its end the server waits": LAST_WAIT,
    "A size that cuts off more than": SCATTERED,
    "or changes by more than": LARGE,
    "Threads write what is longer than": MAX_SYNC,
    "and are left to threads for": SLOW_FOR,
    "Other clients wait for reads until these have taken": MUCH,
    "The client hears of it some": PAUSE,
    "the file system that it was on is looked up each": LOOK_MS,
    "in one line where that takes longer than": START_MS,
    "where requests took all of that for": LAST_MS,
  },
  "src/backends/memory/README.md": {
    "CLONE has two files share pages of": PAGE,
    "V8's heap limit,": MOST_BY_ITSELF,
  },
  "src/backends/sqlite/README.md": {
    "contents bytes of files up to": INSIDE,
    "## Content Up to": INSIDE,
    "A durable one of up to": JOURNALED,
    "beside the commits from half of": MOST_BYTES,
    "a few contents at a time. Beyond": MOST_BYTES,
    "(a row counts": ROW_BYTES,
    "a whole content beside the event loop, and what takes more than":
      SCATTERED,
    "or is longer than": LARGE,
    "A commit brings": COMMIT_BYTES,
    "that no client has asked for begins when": MANY_COMMITS,
    "where all are longer than": MOST_COPIED,
  },
  "src/base/README.md": { "one pass of the event loop, and the": SLICE },
  "src/engine/README.md": {
    "It reads and writes": CHUNK,
    "holes behind the end of the destination. At most": MOST_AT_ONCE,
    "written before the answer, and at most for": LONGEST_AT_ONCE,
    "those that find nothing left make": CHUNK,
    "**Large named attributes**, beyond": PART,
  },
  "src/delegations/README.md": {
    "4. not within": CONTENTION,
    "instead of a recall waits": BATCH_MS,
    "Waits add up, but for those of": PROMPT_MS,
    "however that ended, gets none for": FACTOR,
    "BAD_STATEID | again after": RESEND,
    "again after 100 ms, doubling up to": LONGEST_RESEND,
    "again after 100 ms, doubling up to 5 s,": MAX_RESENDS,
    "waits for a path to be regained, or": RECALL_AFTER,
    "over another session, if there is one |": RECALL_AFTER,
    "10 s are for a lease of": FULL_LEASE_MS,
    "shared by all that ask;": QUERY_TIMEOUT,
  },
  "src/host/README.md": {
    "/etc/group (files up to": MAX_TABLE,
    "groups, good for": LIFE,
  },
  "src/recovery/README.md": {
    "(a full disk) is asked again each": CLAIM_AGAIN_MS,
  },
  "src/rpc/README.md": {
    "an eighth of the machine's memory,": LEAST_BUFFERS,
    "an eighth of the machine's memory, 64 MiB to": MOST_BUFFERS,
    "counts with all of its buffer,": SMALL_REPLY,
    "a READ that makes it more than": SMALL_REPLY,
    "the budget and one buffer (": LARGEST_WRITER,
    "reads records of": MAX_REPLY,
    "and stops reading at": MAX_REPLY,
    "have moved less than": MIN_PROGRESS,
    "have moved less than 64 KiB in": PATIENCE.hoard,
    "those with replies to take; in": PATIENCE.hoard / HURRY,
    "whose peer takes less than": MIN_PROGRESS,
    "whose peer takes less than 64 KiB of its replies in": PATIENCE.stall,
    "one without a call in its first": PATIENCE.handshake,
    "accepted after a pause of": PAUSE_MS,
    "a sweep, every": SWEEP_MS,
    "waits for room, once": PATIENCE.hoard / HURRIED_LOOKS,
  },
  "src/state/README.md": {
    "gets no more while it holds": SHARE,
    "when its operations have taken": LONGEST_TURN,
    "for others shares slices of": SLICE,
    "1,024 answers are kept, for": ANSWER_AGE_MS,
    "something new more than": ARRIVAL_MS,
    "it is run again within": ANSWER_AGE_MS,
    "longer ones than": LONGEST_ANSWER,
    "a session whose slots keep": MUCH_KEPT,
    "was told by CB_NOTIFY_LOCK has": TURN,
    "counted from the last one:": MIN_RETRY_AFTER,
    "two seconds at least,": FIRST_RETRY_AFTER,
    "after the first request,": MAX_RETRY_AFTER,
    "keeps its state for": DAY,
    "The grace period lasts": GRACE_EXTENSION_MS,
    "which is all that its": STATEID_OTHER_SIZE,
    "A filehandle has": HANDLE_SIZE,
    "named attribute has": LONG_HANDLE_SIZE,
  },
  "src/vfs/README.md": {
    "after `fileSystemTimeout` (": DEFAULT_FILE_SYSTEM_MS,
  },
};

const EXAMPLE = "an example of what a flag takes";
const ORDINAL = "the one after the first";
const MEASURED = "was measured, and is no constant";

/** The others, and why no constant of the server says them. */
export const NO_CONSTANTS: Told<string> = {
  "README.md": {
    "`memory` | read-": "a kind of work of the benchmark",
    "`memory` | write-": "the same",
    "`sqlite` | wsync-": "the same",
    "`sqlite` | wcommit-": "the same",
    "`sqlite` | read-": "the same",
    "host's file system takes (ext4 has": "what ext4 has",
    "(opens, locks …), as": EXAMPLE,
    "(opens, locks …), as 512M or": EXAMPLE,
    "`quota=BYTES`, or `": EXAMPLE,
    "`quota=BYTES`, or `10G`, `": EXAMPLE,
    "end with status 0;": ORDINAL,
    "import to give room back.": ORDINAL,
    "no more than loopback:": "what the tests take",
    "asks for it; each call takes some": MEASURED,
  },
  "src/backends/local/README.md": {
    "other clients wait some": MEASURED,
    "and a thread for each read of": MEASURED,
    "instead of 26 µs, a READ of": "what was asked for",
    "instead of 28 µs, a WRITE of": "what was asked for",
    "the server's CPU for each is": MEASURED,
    "that were listed before takes": MEASURED,
    "listed before takes 7 ms instead of": MEASURED,
    "`--op write` (": "what was asked for",
  },
  "src/backends/sqlite/README.md": {
    "files in the host's memory (": MEASURED,
    "a LOOKUP took": MEASURED,
    "a LOOKUP took 0.09 ms, and": MEASURED,
    "with the one that writes,": MEASURED,
    "at p99 where each write takes": MEASURED,
  },
  "src/engine/README.md": {
    "reply ≤": "the table is compared by tests/docs/rooms_test.ts",
  },
  "src/state/README.md": {
    "grow with what is kept:": MEASURED,
    "and once in a while": MEASURED,
    "once in a while 20 to 80 ms at": MEASURED,
    "200 MiB of heap, once": MEASURED,
  },
};
