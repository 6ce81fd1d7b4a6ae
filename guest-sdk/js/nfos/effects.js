/** What a handler does beside answering: it sends, logs, emits, tells the time. */

import { now as clockNow } from "nfos:nf/clock@0.1.0";
import { emit as eventEmit } from "nfos:nf/event@0.1.0";
import { write } from "nfos:nf/log@0.1.0";
import { next } from "nfos:nf/random@0.1.0";
import { send as sendFrame } from "nfos:nf/send@0.1.0";

/** Nanoseconds, as all times a BigInt. */
export const MILLISECOND = 1_000_000n;
export const SECOND = 1_000_000_000n;

/** The levels of a line, the most urgent first. */
export const Level = {
  ERROR: "error",
  WARNING: "warning",
  INFORMATION: "information",
  DETAIL: "detail",
};

/** Nanoseconds since a start that is the same for all workers; of a packet from a capture its time
 * stamp. Constant within an event. */
export function now() {
  return clockNow();
}

/** How long ago `earlier` was; 0 if it is later: clocks of two workers may be read in one order and
 * commit in the other. */
export function nsSince(now, earlier) {
  return now > earlier ? now - earlier : 0n;
}

/** A number below 2^64. Not for secrets. */
export function random() {
  return next();
}

/** Sends a frame through a port, before the packet of the event. At most 64 in one event. */
export function send(port, frame) {
  sendFrame(port, frame);
}

let eventNames = [];

/** Says which events there are; for `networkFunction`. */
export function nameEvents(names) {
  eventNames = names;
}

/** Emits an event of `events` with a value. */
export function emit(name, value) {
  const index = eventNames.indexOf(name);
  if (index < 0) throw new RangeError(`there is no event ${name}`);
  eventEmit(index, BigInt(value));
}

/** Logs a line. */
export function log(level, line) {
  write(level, line);
}

const WORD = (1n << 64n) - 1n;

/** FNV-1a 64 over the seed as 8 little-endian bytes and then the data, finished by splitmix64: the
 * same number in the SDKs of all languages. */
export function hash(seed, data) {
  let value = 0xcbf29ce484222325n;
  const fold = (byte) => {
    value = ((value ^ byte) * 0x100000001b3n) & WORD;
  };
  for (let shift = 0n; shift < 64n; shift += 8n) fold((BigInt(seed) >> shift) & 0xffn);
  for (const byte of data) fold(BigInt(byte));
  value = ((value ^ (value >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  value = ((value ^ (value >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return value ^ (value >> 31n);
}
