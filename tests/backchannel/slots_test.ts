import { assertEquals } from "@std/assert";
import { type BackSlot, BackSlots } from "../../src/backchannel/back_slots.ts";
import { PendingCBReplies } from "../../src/backchannel/pending_replies.ts";
import { XdrReader } from "../../src/xdr/reader.ts";

const { signal } = new AbortController();

Deno.test("back slots: the lowest free one first, whoever waits longest is served first", async () => {
  const slots = new BackSlots(2);
  const first = await slots.acquire(signal);
  const second = await slots.acquire(signal);
  assertEquals([first?.id, second?.id, slots.highest], [0, 1, 1]);
  const waiting = [slots.acquire(signal), slots.acquire(signal)];
  slots.release(second!);
  assertEquals((await waiting[0])?.id, 1);
  slots.release(first!);
  assertEquals((await waiting[1])?.id, 0);
});

Deno.test("back slots: the client's target is obeyed, down and up again", async () => {
  const slots = new BackSlots(3);
  slots.setTarget(0);
  assertEquals(slots.usable, 1);
  const only = await slots.acquire(signal);
  const waiting = slots.acquire(signal);
  slots.setTarget(0xffff_ffff);
  assertEquals(slots.usable, 3);
  assertEquals((await waiting)?.id, 1);
  slots.release(only!);
});

Deno.test("back slots: who stops waiting takes no slot", async () => {
  const slots = new BackSlots(1);
  const slot = await slots.acquire(signal);
  const stop = new AbortController();
  const waiting = slots.acquire(stop.signal);
  stop.abort();
  assertEquals(await waiting, undefined);
  slots.release(slot!);
  assertEquals((await slots.acquire(signal))?.id, 0);
  assertEquals(await slots.acquire(stop.signal), undefined);
});

Deno.test("back slots: the sequence ID wraps through 0", async () => {
  const slot = (await new BackSlots(1).acquire(signal))!;
  assertEquals(slot.nextSeqid, 1);
  slot.seqid = 0xffff_ffff;
  assertEquals(slot.nextSeqid, 0);
  slot.advance();
  assertEquals(slot.nextSeqid, 1);
});

Deno.test("back slots: however many a client offers, 64 are used at a time", async () => {
  const slots = new BackSlots(0xffff_ffff);
  assertEquals(slots.usable, 64);
  const taken: BackSlot[] = [];
  for (let id = 0; id < 64; id++) {
    const slot = (await slots.acquire(signal))!;
    assertEquals(slot.id, id);
    taken.push(slot);
  }
  const waiting = slots.acquire(signal);
  slots.setTarget(0xffff_ffff);
  assertEquals(slots.usable, 64);
  slots.release(taken[7]!);
  assertEquals((await waiting)?.id, 7);
});

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
