/** What a handler answers, and why packets are dropped. */

/** The reasons that header views give; one rule each. They come first in every network function's
 * list, and its own, `reasons`, follow. */
export const FRAME_REASONS = [
  "truncated",
  "not_ipv4",
  "malformed_ip",
  "fragment",
  "malformed_l4",
  "ttl_expired",
  "unsupported_protocol",
];

let reasonNames = FRAME_REASONS;

/** Says which reasons there are; for `networkFunction`. */
export function nameReasons(own) {
  reasonNames = [...FRAME_REASONS, ...own];
  return reasonNames;
}

/** Thrown by header views; a handler that lets it through drops the packet. */
export class Dropped {
  constructor(reason) {
    this.reason = reason;
  }
}

/** What becomes of a packet. */
export class Verdict {
  constructor(action, target) {
    this.action = action;
    this.target = target;
    this.registration = "none";
  }

  /** It leaves through a port. */
  static send(port) {
    return new Verdict("send", port);
  }

  /** It is dropped, and counted under the reason, by its name. */
  static drop(reason) {
    const index = reasonNames.indexOf(reason);
    if (index < 0) throw new RangeError(`there is no reason ${reason}`);
    return new Verdict("drop", index);
  }

  /** A copy of it leaves through every port but its own. */
  static flood() {
    return new Verdict("flood", 0);
  }

  /** It was for the network function itself and goes no further. */
  static consume() {
    return new Verdict("consume", 0);
  }

  /** Of a first packet: its set gets state. If there is no room, the event is undone and the packet
   * is dropped as packet_set_table_full. */
  register() {
    this.registration = "required";
    return this;
  }

  /** Of a first packet: its set gets state if there is room. If there is none, what the event did
   * to aggregate state is undone, and this verdict stands. */
  registerIfRoom() {
    this.registration = "optional";
    return this;
  }
}
