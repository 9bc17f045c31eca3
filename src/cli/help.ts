/** The folder that is served when nothing else is asked for. */
export const DEFAULT_DIRECTORY = "./dittofs-data";

/** What `--help` prints. */
export const HELP = `Serve folders over NFSv4.0, 4.1 and 4.2.

usage: deno run -A mod.ts [flags]               serve
       deno run -A mod.ts check DIR             look for damage in a store
       deno run -A mod.ts export DIR > X.tar    all of a store as an archive
       deno run -A mod.ts import DIR < X.tar    into a new store (or --merge)

  --export /PATH=sqlite:DIR[,OPTION...]  serve a durable store (repeatable)
  --export /PATH=local:DIR[,OPTION...]   a folder; with apart its host may hang
  --export /PATH=memory:[,OPTION...]     serve an empty tree kept in memory
         options: ro, squash=none|root|all (none; root beyond loopback),
         hide=._*:NAME, anonuid=N, anongid=N (65534), trust=owner|port|any
         (owner), and but for local uid=N, gid=N (yours), mode=755, quota=10G
         without --export: sqlite:${DEFAULT_DIRECTORY}, made if missing, as /
  --host ADDRESS        address to listen on (127.0.0.1)
  --port N              TCP port (2049; 0 takes a free one)
  --metrics-port N      /metrics, /healthz, /readyz (beside --port; 0: off)
  --lease SECONDS       how long a silent client keeps its locks (90, from 10)
  --grace SECONDS       time to reclaim after a restart (as the lease)
  --state DIR           where identity and clients outlive a restart (the store)
  --fs-timeout SECONDS  a call of a folder that takes longer is given up (60)
  --durability LEVEL    full: fsync before each reply; os; none (full)
  --max-state SIZE      memory for opens, locks and clients (a quarter of V8's)
  --max-buffers SIZE    memory for requests and replies in hand (an eighth)
  --no-delegations      grant none: every open is checked with the server
  --log-level LEVEL     debug, info, warn, error (info); --log-format text, json
  --help  --version
`;
