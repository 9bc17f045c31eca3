import { assertEquals } from "@std/assert";
import { PendingCBReplies } from "../../src/backchannel/pending_replies.ts";
import { XdrReader } from "../../src/xdr/reader.ts";

const reply = new XdrReader(Uint8Array.of(0, 0, 0, 7));

Deno.test("PendingCBReplies registers, delivers, cancels", () => {
  const pending = new PendingCBReplies(41);
  const read: number[] = [];
  const first = pending.register((xdr) => read.push(xdr.uint32()), () => {});
  const second = pending.register(() => read.push(-1), () => {});
  assertEquals([first, second, pending.size], [41, 42, 2]);
  assertEquals(pending.deliver(first, reply), true);
  assertEquals(read, [7]);
  assertEquals(pending.cancel(second), true);
  assertEquals(pending.cancel(second), false);
  assertEquals(pending.size, 0);
});

Deno.test("PendingCBReplies counts late and unknown replies and drops them", () => {
  const pending = new PendingCBReplies(1);
  const xid = pending.register(() => {
    throw new Error("read although it was cancelled");
  }, () => {});
  pending.cancel(xid);
  assertEquals(pending.deliver(xid, reply), false);
  assertEquals(pending.deliver(4711, reply), false);
  assertEquals(pending.unknown, 2);
});

Deno.test("PendingCBReplies tells everybody who waits that the connection ended", () => {
  const pending = new PendingCBReplies(1);
  const reasons: string[] = [];
  pending.register(() => {}, ({ message }) => reasons.push(`1 ${message}`));
  pending.register(() => {}, ({ message }) => reasons.push(`2 ${message}`));
  pending.fail(new Error("gone"));
  assertEquals(reasons, ["1 gone", "2 gone"]);
  assertEquals(pending.size, 0);
});

Deno.test("PendingCBReplies never uses an XID that is still waited for, also after 2^32", () => {
  const pending = new PendingCBReplies(0xffff_fffe);
  const xids = Array.from(
    { length: 3 },
    () => pending.register(() => {}, () => {}),
  );
  assertEquals(xids, [0xffff_fffe, 0xffff_ffff, 0]);
});
