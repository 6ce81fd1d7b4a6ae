/** The bridge in JavaScript: see ../README.md. Held to the same captures and the same model as the
 * one in Rust, ../src/lib.rs. */

import { LeasedMap, MILLISECOND, Vector, Verdict } from "nfos";
import { choice, emit, networkFunction, now, nsSince, relaxing, u16, u64, unsigned } from "nfos";

const RESERVED_GROUP = [0x01, 0x80, 0xc2, 0, 0];

let stations;
let capacity;
let ageing;
let refreshInterval;
let expireMax;
/** With refresh=write: when each was last seen, by lease, read and written at each frame. */
let lastSeen;

/** Notes that a station is on a port now. If there is no room for it, that is all. */
function learn(station, port) {
  const entry = stations.get(station);
  if (entry !== undefined) {
    if (entry.value !== port) {
      stations.set(station, { ...entry, value: port });
      emit("station_moved", port);
    }
    renew(entry.lease);
    return;
  }
  const lease = stations.insert(station, port, ageing);
  if (lease === undefined) {
    emit("table_full", capacity);
  } else {
    lastSeen?.write(lease, now());
  }
}

function renew(lease) {
  if (lastSeen === undefined) {
    stations.refresh(lease, ageing);
    return;
  }
  const last = lastSeen.read(lease);
  const time = now();
  if (nsSince(time, last) >= refreshInterval) lastSeen.write(lease, time > last ? time : last);
}

/** Of a lease that has run out: how long its station is to be believed yet. */
function timeLeft(lease) {
  if (lastSeen === undefined) return undefined;
  const left = ageing - nsSince(now(), lastSeen.read(lease));
  return left >= 0n ? left : undefined;
}

export const handlers = networkFunction({
  name: "bridge",
  summary: "Connects Ethernet segments, and learns which station is on which.",
  ports: 2,
  window: 14,
  reasons: ["bad_source", "reserved_group", "same_port"],
  events: ["station_moved", "table_full"],
  parameters: {
    capacity: relaxing(
      unsigned("How many stations can be known at once.", 65_536, [1, 16_777_216]),
      { capacity: "stations*" },
    ),
    ageing_ms: relaxing(
      unsigned(
        "Milliseconds without a frame from a station after which it is forgotten.",
        120_000,
        [1, 1_000_000_000],
      ),
      { duration: "stations*" },
    ),
    refresh_interval_ms: relaxing(
      unsigned(
        "By how many milliseconds a station may be forgotten early, so that fewer of its frames " +
          "renew it; at most half of `ageing_ms`.",
        0,
      ),
      { "refresh-interval": "stations_leases", "write-interval": "last_seen" },
    ),
    refresh: relaxing(
      choice(
        "Where a station is renewed: its lease, or, to compare, a time that is read and written.",
        "lease",
        ["lease", "write"],
      ),
      { method: "last_seen" },
    ),
    period_ms: unsigned(
      "Milliseconds between two removals of stations that are forgotten.",
      10,
      [1, 60_000],
    ),
    expire_max: unsigned("How many of them are removed at once at most.", 256, [1, 65_536]),
  },

  init(parameters) {
    const { ageing_ms, refresh_interval_ms } = parameters;
    if (refresh_interval_ms > ageing_ms / 2n) {
      throw new RangeError(
        `the parameter \`refresh_interval_ms\` is ${refresh_interval_ms}, but should be at most ` +
          `${ageing_ms / 2n}, half of \`ageing_ms\``,
      );
    }
    capacity = Number(parameters.capacity);
    ageing = ageing_ms * MILLISECOND;
    refreshInterval = refresh_interval_ms * MILLISECOND;
    expireMax = Number(parameters.expire_max);
    const byWriting = parameters.refresh === "write";
    if (byWriting) lastSeen = Vector.open("last_seen", capacity, u64);
    stations = LeasedMap.open("stations", capacity, byWriting ? 0n : refreshInterval, 6, u16);
    return { periods: [parameters.period_ms * MILLISECOND] };
  },

  orphanPacket(packet) {
    const { source, destination } = packet.ethernet();
    if (source[0] & 1 || source.every((octet) => octet === 0)) return Verdict.drop("bad_source");
    const isReserved = RESERVED_GROUP.every((octet, at) => octet === destination[at]);
    if (isReserved && destination[5] <= 0x0f) return Verdict.drop("reserved_group");
    learn(source, packet.port);
    if (destination[0] & 1) return Verdict.flood();
    const station = stations.get(destination);
    if (station === undefined) return Verdict.flood();
    if (station.value === packet.port) return Verdict.drop("same_port");
    return Verdict.send(station.value);
  },

  periodic() {
    for (let removed = 0; removed < expireMax; removed++) {
      const expired = stations.nextExpired();
      if (expired === undefined) return;
      const left = timeLeft(expired.id);
      if (left === undefined) {
        stations.remove(expired.id, expired.key);
      } else {
        stations.refresh(expired.id, left);
      }
    }
  },
});
