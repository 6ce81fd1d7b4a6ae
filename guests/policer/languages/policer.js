/** The policer in JavaScript: see ../README.md. Held to the same captures and the same model as the
 * one in Rust, ../src/lib.rs. */

import { Field, PacketSet, Rule, SECOND, Verdict } from "nfos";
import { networkFunction, now, nsSince, struct, u64, unsigned } from "nfos";

const LAN = 0;
const WAN = 1;

let rate;
let burst;

/** How many bytes a host may receive now. What time earns beyond whole bytes is kept, in billionths,
 * so the credit over any time is exact however often the bucket is filled. */
const Bucket = struct({ tokens: u64, remainder: u64, last: u64 });

function fill(bucket, time) {
  const earned = nsSince(time, bucket.last) * rate;
  if (earned >= (burst - bucket.tokens) * SECOND) {
    bucket.tokens = burst;
    bucket.remainder = 0n;
  } else {
    const billionths = earned + bucket.remainder;
    bucket.tokens += billionths / SECOND;
    bucket.remainder = billionths % SECOND;
  }
  if (time > bucket.last) bucket.last = time;
}

/** Takes the tokens of a frame, if there are as many. */
function take(bucket, wireLength) {
  const price = BigInt(wireLength);
  if (bucket.tokens < price) return false;
  bucket.tokens -= price;
  return true;
}

export const handlers = networkFunction({
  name: "policer",
  summary: "Limits how many bytes per second reach each host of the LAN.",
  ports: 2,
  packetSets: [new PacketSet("host").rule(Rule.ipv4([Field.DESTINATION_ADDRESS]).ports([WAN]))],
  state: Bucket,
  reasons: ["over_rate"],
  parameters: {
    rate_bytes_per_second: unsigned(
      "Bytes per second that each host may receive.",
      375_000_000,
      [1, 1_000_000_000_000],
    ),
    burst_bytes: unsigned(
      "Bytes that a host may receive at once after a rest.",
      3_750_000_000,
      [1, 1_000_000_000_000_000],
    ),
  },

  init(parameters) {
    rate = parameters.rate_bytes_per_second;
    burst = parameters.burst_bytes;
    // A bucket that is forgotten after this time is full, so that nothing is lost by it.
    const timeToFill = (burst * SECOND + rate - 1n) / rate;
    const longest = (1n << 64n) - 1n;
    return { idleTimeout: timeToFill < longest ? timeToFill : longest, capacity: 155_000 };
  },

  initPacketSet(packet, bucket) {
    packet.ipv4();
    Object.assign(bucket, { tokens: burst, remainder: 0n, last: now() });
    if (!take(bucket, packet.wireLength)) return Verdict.drop("over_rate");
    return Verdict.send(LAN).register();
  },

  packet(packet, bucket) {
    fill(bucket, now());
    return take(bucket, packet.wireLength) ? Verdict.send(LAN) : Verdict.drop("over_rate");
  },

  orphanPacket(packet) {
    if (packet.port !== WAN) return Verdict.send(WAN);
    packet.ipv4();
    // Its IPv4 header is in order, so it had a packet set.
    return Verdict.drop("malformed_ip");
  },
});
