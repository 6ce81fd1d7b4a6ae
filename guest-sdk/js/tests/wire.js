/** The header views of the JavaScript SDK do to the frames of ../../c/tests/wire.c what those of the C
 * SDK do: prints the same digest. */

import { Packet } from "../nfos/packet.js";
import { Dropped, FRAME_REASONS } from "../nfos/verdict.js";
import { checksum } from "../nfos/wire.js";

const WORD = (1n << 64n) - 1n;
let state = 1n;

function below(bound) {
  state = (state * 6364136223846793005n + 1442695040888963407n) & WORD;
  return Number((state >> 33n) & 0xffffffffn) % bound;
}

function bytesOf(value, count) {
  return Array.from({ length: count }, (_, at) => (value / 2 ** (8 * (count - 1 - at))) & 0xff);
}

function transportChecksum(ip, length) {
  const pseudo = [...ip.subarray(12, 20), 0, ip[9], ...bytesOf(length, 2)];
  return checksum(Uint8Array.from([...pseudo, ...ip.subarray(20, 20 + length)]));
}

function make() {
  const tcp = below(2) === 1;
  const without = below(8) === 0;
  const payload = below(40);
  const length = (tcp ? 20 : 8) + payload;
  const frame = Uint8Array.from({ length: 34 + length }, () => below(256));
  frame.set([0x08, 0x00], 12);
  const ip = frame.subarray(14);
  ip[0] = 0x45;
  ip.set(bytesOf(20 + length, 2), 2);
  ip.set([0, 0], 6);
  ip[8] = below(4);
  ip[9] = tcp ? 6 : 17;
  ip.set([0, 0], 10);
  ip.set(bytesOf(checksum(ip.subarray(0, 20)), 2), 10);
  if (tcp) ip[32] = 5 << 4;
  else ip.set(bytesOf(length, 2), 24);
  const place = tcp ? 36 : 26;
  ip.set([0, 0], place);
  let total = transportChecksum(ip, length);
  if (!tcp) total = without ? 0 : total || 0xffff;
  ip.set(bytesOf(total, 2), place);
  const damage = below(10);
  const cut = below(10) === 0 ? below(40) : 0;
  if (damage === 0) {
    const at = 12 + below(12);
    frame[at] ^= 1 << below(8);
  }
  return [frame, 34 + length - cut];
}

function rewrite(packet, source, destination, port) {
  const ip = packet.ipv4();
  ip.source = Uint8Array.from(bytesOf(source, 4));
  ip.destination = Uint8Array.from(bytesOf(destination, 4));
  const transport = ip.transport();
  transport.sourcePort = port;
  transport.destinationPort = port + 1;
  ip.decrementTtl();
}

let digest = 0xcbf29ce484222325n;
for (let number = 0; number < 20_000; number++) {
  const [frame, length] = make();
  const onWire = length + (below(6) === 0 ? 4 : 0);
  const packet = new Packet(0, onWire, frame, 0, length, 0);
  const source = below(0x7fffffff);
  const destination = below(0x7fffffff);
  let reason = -1;
  try {
    rewrite(packet, source, destination, below(65535));
  } catch (error) {
    if (!(error instanceof Dropped)) throw error;
    reason = FRAME_REASONS.indexOf(error.reason);
  }
  for (const value of [reason + 1, ...frame.subarray(0, length)]) {
    digest = ((digest ^ BigInt(value)) * 0x100000001b3n) & WORD;
  }
}
console.log(digest.toString(16).padStart(16, "0"));
