/** The packet of an event: its frame, and where it came from. */

import { Dropped } from "./verdict.js";
import { Ethernet } from "./wire.js";

/** A frame with its ingress port.
 *
 * The header views check once that their header is there and whole, and throw the reason to drop
 * the packet if not; after that nothing they do can fail. */
export class Packet {
  constructor(port, wireLength, frames, start, end, room) {
    this.port = port;
    this.wireLength = wireLength;
    this.frames = frames;
    this.start = start;
    this.end = end;
    this.room = room;
  }

  /** The frame, all of it or its window, to be changed in place. */
  get bytes() {
    return this.frames.subarray(this.start, this.end);
  }

  /** Puts `count` bytes before the frame, of arbitrary content; false, and as it was, if it would
   * grow beyond the headroom. */
  growFront(count) {
    if (count > this.start - this.room) return false;
    this.start -= count;
    this.wireLength += count;
    return true;
  }

  /** Takes `count` bytes off the front of the frame. */
  shrinkFront(count) {
    if (count > this.end - this.start) throw new Dropped("truncated");
    this.start += count;
    this.wireLength -= count;
  }

  /** Its Ethernet header. */
  ethernet() {
    return new Ethernet(this.bytes, this.wireLength);
  }

  /** Its IPv4 header, if it is untagged IPv4. */
  ipv4() {
    return this.ethernet().intoIpv4();
  }
}
