/**
 * Which guest scripts make up a suite, and how many guests and what else they
 * want.
 *
 * @module
 */

/** One boot of one or two guests that runs some suites' scripts in turn. */
export interface Boot {
  /** The scripts of each guest. */
  scripts: string[][];
  /** Further options of `linux-client`. */
  options: string[];
  /** Limit for the whole boot, in seconds. */
  timeout: number;
  /** Whether the guest reaches the server through the proxy that can be cut. */
  proxied: boolean;
}

/** A suite that is left out, and why. */
export interface Skip {
  /** The suite's name. */
  suite: Suite;
  /** Why it can't run here. */
  reason: string;
}

/** Names of the suites, in the order in which they run. */
export const SUITES = [
  "smoke",
  "posix",
  "sparse",
  "copy",
  "names",
  "xattr",
  "acl",
  "locks",
  "lock2",
  "deleg",
  "dirdeleg",
  "silent",
  "reconnect",
  "reclaim",
  "random",
  "crash",
  "stopped",
  "tree",
] as const;

/** One of {@link SUITES}. */
export type Suite = typeof SUITES[number];

/** What a plan is made for. */
export interface Target {
  /** The suites that are wanted. */
  suites: readonly Suite[];
  /** The client's kernel. */
  kernel: string;
  /** Name of the back end. */
  backend: string;
  /** The minor version's name, `"4.1"`. */
  vers: string;
  /** Why there is no guest, if there is none. */
  noGuest?: string | undefined;
  /** Why it can't have {@link TREE_PACKAGES}, if it can't. */
  noPackages?: string | undefined;
  /** Why the tree can't be had here, if it can't. */
  noTree?: string | undefined;
  /** The tree's archive. */
  treeFile: string;
}

/** Packages that `tree.sh` and `crash.sh` need in their guest. */
export const TREE_PACKAGES = "git,make,tcc,libc6-dev,linux-libc-dev";

const WITH_PACKAGES = ["--with", TREE_PACKAGES, "--mem", "1024"];

/** Seconds that each single-guest script may take on a slow machine. */
const LIMITS = {
  ...{
    smoke: 60,
    posix: 180,
    sparse: 90,
    copy: 240,
    names: 60,
    xattr: 180,
    acl: 180,
    locks: 90,
  },
  ...{ reconnect: 120, random: 300, crash: 240, stopped: 150 },
};
const RECLAIM_LIMIT = 180;
const SILENT_LIMIT = 240;
const TREE_LIMIT = 900;

/** Groups the wanted suites into as few boots as possible. */
export function plan(target: Target): { boots: Boot[]; skips: Skip[] } {
  const skips: Skip[] = [];
  const wanted = target.suites.filter((suite) => {
    const reason = reasonAgainst(suite, target);
    if (reason !== undefined) skips.push({ suite, reason });
    return reason === undefined;
  });
  const pick = (...suites: Suite[]) => suites.filter((s) => wanted.includes(s));
  const boots: Boot[] = [];

  const single = pick(
    "smoke",
    "posix",
    "sparse",
    "copy",
    "names",
    "xattr",
    "acl",
    "locks",
  );
  if (single.length > 0) boots.push(singleBoot(single, false));

  const pairs = pick("lock2", "deleg", "dirdeleg");
  if (pairs.length > 0) {
    const role = (name: string) => pairs.map((suite) => `${suite}-${name}.sh`);
    boots.push({
      scripts: [role("a"), role("b")],
      options: [],
      timeout: 60 + 150 * pairs.length,
      proxied: false,
    });
  }

  if (wanted.includes("silent")) {
    boots.push({
      scripts: [["silent-a.sh"], ["silent-b.sh"]],
      options: [],
      timeout: SILENT_LIMIT,
      proxied: false,
    });
  }

  // The last of these takes the mount away.
  const cut = pick("reconnect", "reclaim", "random", "crash", "stopped");
  if (cut.length > 0) boots.push(singleBoot(cut, true));

  if (wanted.includes("tree")) {
    boots.push({
      scripts: [["tree.sh"]],
      options: [...WITH_PACKAGES, "--put", target.treeFile],
      timeout: TREE_LIMIT,
      proxied: false,
    });
  }
  return { boots, skips };
}

function singleBoot(suites: Suite[], proxied: boolean): Boot {
  const limits: Partial<Record<Suite, number>> = LIMITS;
  let timeout = 30;
  for (const suite of suites) timeout += limits[suite] ?? RECLAIM_LIMIT;
  return {
    scripts: [suites.map((suite) => `${suite}.sh`)],
    // The proxied boot mounts as a user does, the others by the bare call.
    options: (proxied ? ["--mount-helper"] : [])
      .concat(suites.includes("crash") ? WITH_PACKAGES : []),
    timeout,
    proxied,
  };
}

function reasonAgainst(suite: Suite, target: Target): string | undefined {
  const { kernel, backend, vers } = target;
  if (target.noGuest !== undefined) return target.noGuest;
  if (suite === "reconnect" && vers === "4.0") {
    return "exactly-once needs the sessions of 4.1";
  }
  if (suite === "names" && backend !== "local") {
    return `${backend} has names of UTF-8 only`;
  }
  if (suite === "sparse" && vers !== "4.2") {
    return "holes and room of files are of 4.2";
  }
  if (suite === "copy" && vers !== "4.2") {
    return "copies on the server are of 4.2";
  }
  if (suite === "xattr" && vers !== "4.2") {
    return "extended attributes are of 4.2";
  }
  if (suite === "dirdeleg" && kernel === "6.1") {
    return `Linux ${kernel} asks for no delegation of a folder`;
  }
  if (suite === "dirdeleg" && vers === "4.0") {
    return "delegations of folders are of 4.1";
  }
  if (suite === "dirdeleg" && backend === "local") {
    return `${backend} grants no delegation of a folder`;
  }
  if (["reclaim", "stopped"].includes(suite) && backend === "memory") {
    return `${backend} does not outlive a restart of its server`;
  }
  if (suite === "crash" && backend !== "sqlite") {
    return "what is killed in the middle of work is the durable store";
  }
  if (suite === "crash") return target.noPackages;
  if (suite === "tree") return target.noTree ?? target.noPackages;
  return undefined;
}
