/** The SDK in which network functions are written in JavaScript.
 *
 * An author exports an object with handlers, made by `networkFunction`. What they see is one packet,
 * its packet set's state and the structures that all packets share; the burst that the host hands
 * over stays in here. The words are those of the SDK for Rust, in the case of this language. Times
 * and numbers of 64 bits are BigInts. */

export { MILLISECOND, SECOND, Level, emit, hash, log, now, nsSince, random, send } from "./effects.js";
export { networkFunction } from "./function.js";
export { boolean, ipv4, mac, octets, struct, u16, u32, u64, u8 } from "./layout.js";
export { LeasedMap } from "./leased_map.js";
export { Packet } from "./packet.js";
export {
  ANSWERING_FIVE_TUPLE,
  FIVE_TUPLE,
  Field,
  ICMP,
  PacketSet,
  Rule,
  TCP,
  UDP,
} from "./packet_sets.js";
export { choice, flag, relaxing, text, unsigned } from "./parameters.js";
export { Allocator, Distributed, Map, Parts, Vector } from "./structures.js";
export { Dropped, Verdict } from "./verdict.js";
export { Ethernet, Ipv4, Transport, checksum, checksumUpdate, equal } from "./wire.js";
