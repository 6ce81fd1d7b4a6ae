/** The ledger in JavaScript: see ../src/lib.rs. */

import { Map, Parts, Verdict, networkFunction, struct, u64 } from "nfos";

const page = struct({ sum: u64, greatest: u64 });

function merged(a, b) {
  return { sum: a.sum + b.sum, greatest: a.greatest > b.greatest ? a.greatest : b.greatest };
}

let counts;
let pages;

export const handlers = networkFunction({
  name: "ledger",
  summary: "Goes through a map and merges parts, and writes what it finds to its frames.",
  ports: 2,

  init() {
    counts = Map.openWith("counts", 64, 2, u64, "plain");
    pages = Parts.open("pages", page, 0n);
  },

  orphanPacket(packet) {
    const { bytes } = packet;
    if (bytes.length < 39) return Verdict.send(packet.port ^ 1);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const key = bytes.slice(14, 16);
    if (bytes[16] % 3 === 0) {
      counts.set(key, (counts.get(key) ?? 0n) + 1n);
    } else if (bytes[16] % 3 === 1) {
      counts.remove(key);
    }
    const now = BigInt(bytes[17]);
    pages.set(merged(pages.own(), { sum: now, greatest: now }));
    const all = pages.read(merged);
    let total = 0n;
    for (const [key, count] of counts) {
      total += BigInt((key[0] << 8) | key[1]) * 65_537n + count;
    }
    view.setUint16(20, counts.len());
    view.setBigUint64(22, total);
    view.setBigUint64(30, all.sum);
    bytes[38] = Number(all.greatest);
    return Verdict.send(packet.port ^ 1);
  },
});
