import { assert, assertEquals } from "@std/assert";
import { Share } from "../../src/nfs4/constants.ts";
import type { AttributeName } from "../support/client/attributes.ts";
import { writeCompound } from "../support/client/compound.ts";
import { hex, unhex } from "../support/client/names.ts";
import { op } from "../support/client/op.ts";
import { FileType, Stable } from "../support/client/ops_file.ts";
import { CreateMode, LockType } from "../support/client/ops_state.ts";
import { Content } from "../support/client/ops_v42.ts";
import {
  type Request,
  type Stateid,
  TO_END,
} from "../support/client/request.ts";
import { encodeCall } from "../support/client/rpc.ts";
import { compounds, describeExchange } from "./golden.ts";

/** What Linux asks for of an object that it meets. */
const ALL: readonly AttributeName[] = [
  "type",
  "change",
  "size",
  "fsid",
  "fileid",
  "mode",
  "numlinks",
  "owner",
  "owner_group",
  "rawdev",
  "space_used",
  "time_access",
  "time_metadata",
  "time_modify",
  "mounted_on_fileid",
];
/** What it asks for to see whether its cache still holds. */
const CACHE: readonly AttributeName[] = [
  "change",
  "size",
  "time_metadata",
  "time_modify",
];
const AFTER_WRITE: readonly AttributeName[] = [...CACHE, "space_used"];

function stateid(seqid: number, other: string): Stateid {
  return { seqid, other: unhex(other) };
}

function fh(digits: string): Request {
  return op.putfh(unhex(digits));
}

function sequence(
  sessionid: string,
  sequenceid: number,
  cacheThis: boolean,
): Request {
  return op.sequence({
    sessionid: unhex(sessionid),
    sequenceid,
    slotid: 0,
    highestSlotid: 0,
    cacheThis,
  });
}

/** Builds the request anew and compares it with what Linux sent. */
function same(capture: string, xid: number, ops: readonly Request[]): void {
  const exchange = compounds.find((each) =>
    each.capture === capture && each.xid === xid
  );
  assert(exchange, `${capture} ${xid}`);
  const { header, minorVersion } = exchange;
  assert(header.credential.flavor === "sys");
  const built = encodeCall(
    { ...header, credential: header.credential },
    (xdr) => writeCompound(xdr, { minorVersion, ops }),
  );
  assertEquals(built, exchange.call, describeExchange(exchange));
}

Deno.test("NFSv4.0 clientid requests are Linux's bytes", () => {
  same("deleg-4.0-holder", 3556613582, [op.setclientid({
    verifier: unhex("18eaaf992f42e8b9"),
    id: new TextEncoder().encode("Linux NFSv4.0 lc-24767-17233-1/10.0.2.2"),
    program: 0x40000000,
    netid: "tcp",
    address: "10.0.2.2.106.51",
    ident: 1,
  })]);
  same("deleg-4.0-holder", 3573390798, [
    op.setclientidConfirm(6070575684307027580n, unhex("5b3f046bdae64378")),
  ]);
  same("locks-4.0", 2567030890, [op.releaseLockowner({
    clientid: 12843989522296650063n,
    owner: unhex("6c6f636b2069643a000000190000000000000000"),
  })]);
});

Deno.test("opens and closes of NFSv4.0 are Linux's bytes", () => {
  const owner = {
    clientid: 6070575684307027580n,
    owner: unhex("6f70656e2069643a000000190000000000000001301c8224"),
  };
  const file = "010001810000000084000000000000000617d363";
  same("deleg-4.0-holder", 3858603470, [
    fh("010001810000000083000000000000001df4472e"),
    op.open({
      seqid: 0,
      access: Share.ACCESS_WRITE,
      owner,
      create: {
        mode: CreateMode.UNCHECKED,
        attributes: { mode: 0o644, size: 0n },
      },
      claim: { claim: "null", name: "f" },
    }),
    op.getfh(),
    op.access(0x3d),
    op.getattr(ALL),
  ]);
  same("deleg-4.0-holder", 3875380686, [
    fh(file),
    op.openConfirm(stateid(1, "543f046bed3e867c01000000"), 1),
  ]);
  same("deleg-4.0-holder", 3892157902, [
    fh(file),
    op.write({
      stateid: stateid(2, "543f046bed3e867c01000000"),
      stable: Stable.FILE_SYNC,
      data: "first\n",
    }),
    op.getattr(AFTER_WRITE),
  ]);
  same("deleg-4.0-holder", 3908935118, [
    fh(file),
    op.getattr(CACHE),
    op.close(stateid(2, "543f046bed3e867c01000000"), 2),
  ]);
  same("deleg-4.0-holder", 4059930062, [
    fh(file),
    op.read({
      stateid: stateid(1, "543f046bed3e867c03000000"),
      count: 4096,
    }),
  ]);
  same("deleg-4.0-holder", 4110261710, [
    fh(file),
    op.getattr(CACHE),
    op.delegreturn(stateid(1, "543f046bed3e867c03000000")),
  ]);
});

Deno.test("locks of NFSv4.0 are Linux's bytes", () => {
  same("locks-4.0", 2533476458, [
    fh("01000181000000008100180000000000750b0449"),
    op.lock({
      type: LockType.WRITEW,
      length: TO_END,
      locker: {
        openSeqid: 6,
        openStateid: stateid(1, "b23f046b8f54b94f04000000"),
        lockSeqid: 0,
        owner: {
          clientid: 12843989522296650063n,
          owner: unhex("6c6f636b2069643a000000190000000000000000"),
        },
      },
    }),
  ]);
  same("locks-4.0", 2701248618, [
    fh("010001810000000082001800000000003ca0f945"),
    op.lock({
      locker: {
        lockStateid: stateid(1, "b23f046b8f54b94f08000000"),
        lockSeqid: 1,
      },
    }),
  ]);
  same("locks-4.0", 2550253674, [
    fh("01000181000000008100180000000000750b0449"),
    op.locku({ seqid: 1, stateid: stateid(1, "b23f046b8f54b94f06000000") }),
  ]);
  same("locks-4.0", 2684471402, [
    fh("010001810000000082001800000000003ca0f945"),
    op.openDowngrade({
      stateid: stateid(2, "b23f046b8f54b94f07000000"),
      seqid: 11,
      access: Share.ACCESS_WRITE,
    }),
  ]);
});

Deno.test("names, folders and attributes are Linux's bytes", () => {
  same("deleg-4.0-holder", 3590168014, [
    op.putrootfh(),
    op.getfh(),
    op.getattr(ALL),
  ]);
  same("deleg-4.0-holder", 3791494606, [
    fh("0100010000000000"),
    op.lookup("deleg"),
    op.getfh(),
    op.getattr(ALL),
  ]);
  same("deleg-4.0-holder", 3808271822, [
    fh("0100010000000000"),
    op.create({
      type: FileType.DIR,
      name: "deleg",
      attributes: { mode: 0o755 },
    }),
    op.getfh(),
    op.getattr(ALL),
  ]);
  same("locks-4.0", 2952906858, [
    fh("01000181000000008100180000000000750b0449"),
    op.setattr({ size: 0n }, stateid(1, "b23f046b8f54b94f10000000")),
    op.getattr(ALL),
  ]);
  same("locks-4.0", 1526909034, [
    fh("0100018100000000800018000000000020e02b7d"),
    op.readdir({
      dircount: 65448,
      maxcount: 65448,
      attributes: [
        ...ALL,
        "filehandle",
        "rdattr_error",
      ],
    }),
  ]);
  same("locks-4.0", 1627572330, [
    fh("0100018100000000800018000000000020e02b7d"),
    op.remove("f"),
  ]);
  same("tour-4.0", 3082859705, [
    fh("0100018100000000840000000000000042a33aa5"),
    op.savefh(),
    fh("010001810000000083000000000000006fc428fb"),
    op.link("b"),
    op.restorefh(),
    op.getattr(ALL),
  ]);
  same("tour-4.0", 3183523001, [
    fh("010001810000000083000000000000006fc428fb"),
    op.savefh(),
    fh("010001810000000083000000000000006fc428fb"),
    op.rename("a", "c"),
  ]);
});

Deno.test("session requests are Linux's bytes", () => {
  const clientid = 6070575684458022524n;
  const sessionid = "543f046bf63e867c0200000000000000";
  same("deleg-4.1-holder", 1336878762, [op.exchangeId({
    verifier: unhex("18eaaf9e4f3aa03a"),
    owner: new TextEncoder().encode("Linux NFSv4.1 lc-28073-29574-1"),
    flags: 0x101,
    implementation: {
      domain: "kernel.org",
      name: "Linux 6.1.0-56-cloud-amd64 #1 SMP PREEMPT_DYNAMIC " +
        "Debian 6.1.192-2 (2026-11-16) x86_64",
      date: { seconds: 0n, nanoseconds: 0 },
    },
  })]);
  const channel = { headerpadsize: 0, rdma_ird: [] };
  same("deleg-4.1-holder", 1370433194, [op.createSession({
    clientid,
    sequence: 1,
    flags: 3,
    fore: {
      ...channel,
      maxrequestsize: 1049620,
      maxresponsesize: 1049480,
      maxresponsesize_cached: 7584,
      maxoperations: 8,
      maxrequests: 64,
    },
    back: {
      ...channel,
      maxrequestsize: 4096,
      maxresponsesize: 4096,
      maxresponsesize_cached: 0,
      maxoperations: 2,
      maxrequests: 16,
    },
    program: 0x40000000,
    security: [{
      flavor: "sys",
      credential: {
        stamp: 1329242170,
        machine: "lc-28073-29574-1",
        uid: 0,
        gid: 0,
        gids: [],
      },
    }],
  })]);
  same("deleg-4.1-holder", 1387210410, [
    sequence(sessionid, 1, false),
    op.reclaimComplete(),
  ]);
  same("deleg-4.1-holder", 1873749674, [
    sequence(sessionid, 30, true),
    fh("010001810000000084000000000000000717d363"),
    op.open({
      owner: {
        clientid,
        owner: unhex("6f70656e2069643a00000019000000000000000115e415ce"),
      },
      claim: { claim: "fh" },
    }),
    op.access(0x3d),
    op.getattr(ALL),
  ]);
  same("deleg-4.1-holder", 2209293994, [op.destroySession(unhex(sessionid))]);
  same("deleg-4.1-holder", 2226071210, [op.destroyClientid(clientid)]);
  same("locks-4.1", 378942096, [
    sequence(sessionOf("locks-4.1", 378942096), 25, true),
    op.freeStateid(stateid(2, "b23f046b9454b94f06000000")),
  ]);
});

Deno.test("NFSv4.2 requests are Linux's bytes", () => {
  const session = sessionOf("tour-4.2", 329912165);
  const file = fh("01000181000000008400000000000000bd478021");
  const written = stateid(0, "b23f046b9654b94f0a000000");
  const read = stateid(0, "b23f046b9654b94f0b000000");
  same("tour-4.2", 3316191077, [
    sequence(session, 11, true),
    fh("0100010000000000"),
    op.create({
      type: FileType.DIR,
      name: "tour",
      attributes: { mode_umask: { mode: 0o777, umask: 0o022 } },
    }),
    op.getfh(),
    op.getattr(ALL),
  ]);
  same("tour-4.2", 329912165, [
    sequence(session, 89, false),
    file,
    op.allocate({ stateid: written, offset: 0n, length: 65536n }),
    op.getattr(AFTER_WRITE),
  ]);
  same("tour-4.2", 363466597, [
    sequence(session, 91, false),
    file,
    op.deallocate({ stateid: written, offset: 4096n, length: 4096n }),
    op.getattr(AFTER_WRITE),
  ]);
  same("tour-4.2", 380243813, [
    sequence(session, 92, false),
    file,
    op.seek({ stateid: read, offset: 0n, what: Content.HOLE }),
  ]);
  same("tour-4.2", 531238757, [
    sequence(session, 101, false),
    file,
    op.savefh(),
    fh("0100018100000000850000000000000004eeefb0"),
    op.clone({
      source: read,
      destination: stateid(0, "b23f046b9654b94f0c000000"),
    }),
    op.getattr(AFTER_WRITE),
  ]);
  same("tour-4.2", 631902053, [
    sequence(session, 107, false),
    file,
    op.savefh(),
    fh("01000181000000008600000000000000752e5269"),
    op.copy({
      source: read,
      destination: stateid(0, "b23f046b9654b94f0d000000"),
      count: 8192n,
    }),
    op.commit(0n, 8192),
  ]);
  same("tour-4.2", 682233701, [
    sequence(session, 110, true),
    file,
    op.setxattr("k", "v"),
  ]);
  same("tour-4.2", 715788133, [
    sequence(session, 112, false),
    file,
    op.listxattrs(0n, 74916),
  ]);
  same("tour-4.2", 749342565, [
    sequence(session, 114, true),
    file,
    op.removexattr("k"),
  ]);
});

/** Session id of a captured SEQUENCE: behind tag, minor version, count, opnum. */
function sessionOf(capture: string, xid: number): string {
  const exchange = compounds.find((each) =>
    each.capture === capture && each.xid === xid
  )!;
  const at = exchange.argsAt + 16;
  return hex(exchange.call.slice(at, at + 16));
}
