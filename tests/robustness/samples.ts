/** A request of every operation there is, for tests that spoil them. */

import { Op } from "../../src/nfs4/constants.ts";
import {
  anonymousStateid,
  backChannel,
  bytesOf,
  CreateMode,
  FileType,
  foreChannel,
  LockType,
  op,
  type Request,
  type Stateid,
} from "../support/client/mod.ts";

const verifier = new Uint8Array(8).fill(3);
const attributes = { mode: 0o644, size: 9n, owner: "1000" } as const;
const authSys = { stamp: 1, machine: "m", uid: 1, gid: 2, gids: [3, 4] };

/** What samples name. */
export interface Names {
  readonly clientid: bigint;
  /** Of the client; 16 bytes. */
  readonly sessionid: Uint8Array;
  /** An open. */
  readonly stateid: Stateid;
  /** A lock. */
  readonly lockStateid: Stateid;
}

/** Requests that decode, at least one for every operation of the protocol. */
export function samplesOf(names: Names): readonly Request[] {
  const { clientid, sessionid, stateid, lockStateid } = names;
  const owner = { clientid, owner: bytesOf("an owner") };
  const range = { stateid, offset: 0n, length: 4096n };
  return [
    op.access(63),
    op.close(stateid),
    op.commit(0n, 10),
    op.create({ type: FileType.LNK, name: "l", link: "target", attributes }),
    op.create({
      type: FileType.CHR,
      name: "c",
      device: { major: 1, minor: 2 },
    }),
    op.delegpurge(clientid),
    op.delegreturn(stateid),
    op.getattr(["type", "mode", "space_used"]),
    op.getfh(),
    op.link("name"),
    op.lock({ type: LockType.READ, locker: { openStateid: stateid, owner } }),
    op.lock({ locker: { lockStateid } }),
    op.lockt({ owner }),
    op.locku({ stateid: lockStateid }),
    op.lookup("name"),
    op.lookupp(),
    op.nverify(attributes),
    op.open({ owner, claim: { claim: "null", name: "n" } }),
    op.open({
      owner,
      create: { mode: CreateMode.EXCLUSIVE4_1, verifier, attributes },
      claim: { claim: "delegate_cur", stateid, name: "n" },
    }),
    op.open({ owner, claim: { claim: "previous", delegate: 0 } }),
    op.openattr(),
    op.openConfirm(stateid, 1),
    op.openDowngrade({ stateid, access: 1 }),
    op.putfh(new Uint8Array(20)),
    op.putpubfh(),
    op.putrootfh(),
    op.read(),
    op.readdir({ attributes: ["type", "fileid"] }),
    op.readlink(),
    op.remove("name"),
    op.rename("from", "to"),
    op.renew(clientid),
    op.restorefh(),
    op.savefh(),
    op.secinfo("name"),
    op.setattr(attributes),
    op.setclientid({
      verifier,
      id: bytesOf("client"),
      program: 1,
      netid: "tcp",
      address: "127.0.0.1.8.1",
      ident: 1,
    }),
    op.setclientidConfirm(clientid, verifier),
    op.verify(attributes),
    op.write({ data: "data of a write" }),
    op.releaseLockowner(owner),
    op.backchannelCtl(1, [{ flavor: "none" }, {
      flavor: "sys",
      credential: authSys,
    }]),
    op.bindConnToSession(sessionid, 3),
    op.exchangeId({
      verifier,
      owner: bytesOf("client"),
      protection: {
        how: "ssv",
        ops: { enforce: [Op.EXCHANGE_ID], allow: [] },
        hashAlgorithms: [bytesOf("hash")],
        encryptionAlgorithms: [bytesOf("cipher")],
        window: 1,
        handles: 1,
      },
      implementation: {
        domain: "example.org",
        name: "client",
        date: { seconds: 0n, nanoseconds: 0 },
      },
    }),
    op.createSession({
      clientid,
      sequence: 1,
      flags: 2,
      fore: { ...foreChannel, rdma_ird: [1] },
      back: backChannel,
      program: 1,
      security: [
        {
          flavor: "gss",
          service: 1,
          fromServer: bytesOf("a"),
          fromClient: bytesOf("b"),
        },
        { flavor: "sys", credential: authSys },
      ],
    }),
    op.destroySession(sessionid),
    op.freeStateid(stateid),
    op.getDirDelegation([1]),
    op.getdeviceinfo(),
    op.getdevicelist(),
    op.layoutcommit(),
    op.layoutget(),
    op.layoutreturn(),
    op.secinfoNoName(),
    op.sequence({ sessionid, sequenceid: 1, slotid: 0, highestSlotid: 0 }),
    op.setSsv(bytesOf("ssv"), bytesOf("digest")),
    op.testStateid([stateid, lockStateid]),
    op.wantDelegation(1, 1),
    op.destroyClientid(clientid),
    op.reclaimComplete(),
    op.allocate(range),
    op.copy({ source: stateid, destination: stateid, count: 1n }),
    op.copyNotify(stateid, { type: "name", value: "host" }),
    op.deallocate(range),
    op.ioAdvise({ ...range, hints: [1] }),
    op.layouterror(range, [{ status: 5, operation: 25 }]),
    op.layoutstats(range),
    op.offloadCancel(stateid),
    op.offloadStatus(stateid),
    op.readPlus({ stateid, offset: 0n, count: 10 }),
    op.seek({ stateid, offset: 0n, what: 0 }),
    op.writeSame({
      stateid,
      offset: 0n,
      blockSize: 512n,
      blockCount: 2n,
      pattern: bytesOf("pattern"),
    }),
    op.clone({ source: stateid, destination: stateid }),
    op.getxattr("user.x"),
    op.setxattr("user.x", bytesOf("value")),
    op.listxattrs(),
    op.removexattr("user.x"),
  ];
}

/** The same, of a client and of state that nobody has. */
export const samples: readonly Request[] = samplesOf({
  clientid: 1n,
  sessionid: new Uint8Array(16).fill(7),
  stateid: anonymousStateid,
  lockStateid: anonymousStateid,
});
