/** The network function as its author writes it: an object with handlers over one packet at a time.
 *
 * Every handler appears to run alone and at once, on any number of cores. The host may run one again
 * after undoing all that it did, so a handler needs no precaution but this one: what it leaves in a
 * variable of the module may vanish. Set those in `init` alone; state lives in the packet-set state
 * and in the structures that `init` opens. */

import { begin } from "nfos:nf/burst@0.1.0";
import { report } from "nfos:nf/fault@0.1.0";
import { nameEvents } from "./effects.js";
import { Packet } from "./packet.js";
import { describeParameters, readParameters } from "./parameters.js";
import { Dropped, Verdict, nameReasons } from "./verdict.js";

const HANDLERS = {
  initPacketSet: "init-packet-set",
  packet: "packet",
  expiredPacketSet: "expired-packet-set",
  orphanPacket: "orphan-packet",
  periodic: "periodic",
};

const NO_PREVIOUS = 0xffffffff;

/** The exports of a component: `export const handlers = networkFunction({ … })`.
 *
 * | property                            | default                          |
 * |-------------------------------------|----------------------------------|
 * | `name`, `summary`                   | required: what it is called, and one sentence |
 * | `ports`                             | 1: the least number of ports     |
 * | `window`                            | 128: leading bytes of a frame that handlers see; 0: all |
 * | `headroom`                          | 0: bytes by which a frame may grow at its front |
 * | `parameters`                        | none: see `parameters.js`        |
 * | `packetSets`, `orphans`             | none: a list of `PacketSet`, of `Rule` |
 * | `state`                             | none: a `struct`                 |
 * | `reasons`, `events`                 | none: lists of names             |
 * | `init(parameters)`                  | answers `{ idleTimeout: 0n, capacity: 65_536, periods: [] }`, or what of it is otherwise |
 * | `initPacketSet(packet, state)`, `packet(packet, state)`, `orphanPacket(packet)` | answer a `Verdict` |
 * | `expiredPacketSet(state)`, `periodic(index)`, `exit()` | |
 *
 * A handler that is left out costs nothing. An exception drops the packet as guest_trap, with its
 * text in the host's log. */
export function networkFunction(nf) {
  const reasons = nameReasons(nf.reasons ?? []);
  nameEvents(nf.events ?? []);
  return {
    describe: () => reporting(() => describe(nf, reasons)),
    init: () => reporting(() => init(nf)),
    handle: (events, frames, states) => reporting(() => handle(nf, events, frames, states)),
    exit: () => reporting(() => nf.exit?.()),
  };
}

/** Exceptions end in a trap, which carries no text: so it is told before. */
function reporting(call) {
  try {
    return call();
  } catch (error) {
    const place = error?.stack?.split("\n")[0];
    report(place ? `${error}, at ${place}` : String(error));
    throw error;
  }
}

function describe(nf, reasons) {
  const handled = Object.entries(HANDLERS).filter(([name]) => nf[name] !== undefined);
  return {
    name: nf.name,
    summary: nf.summary,
    ports: nf.ports ?? 1,
    handles: handled.map(([, kind]) => kind),
    packetSets: (nf.packetSets ?? []).map(({ name, rules }) => ({ name, rules })),
    orphans: (nf.orphans ?? []).map(({ rule }) => rule),
    stateSize: nf.state?.size ?? 0,
    window: nf.window ?? 128,
    headroom: nf.headroom ?? 0,
    parameters: describeParameters(nf.parameters ?? {}),
    dropReasons: reasons,
    events: nf.events ?? [],
  };
}

function init(nf) {
  const configuration = nf.init?.(readParameters(nf.parameters ?? {})) ?? {};
  return {
    idleTimeout: configuration.idleTimeout ?? 0n,
    packetSets: configuration.capacity ?? 65_536,
    periods: BigUint64Array.from(configuration.periods ?? []),
  };
}

function handle(nf, events, frames, states) {
  const view = new DataView(states.buffer, states.byteOffset, states.byteLength);
  const verdicts = [];
  for (let index = 0; index < events.length; index++) {
    if (!begin(index)) break;
    const event = events[index];
    if (event.previous !== NO_PREVIOUS) takeOver(nf, events, event, states, verdicts);
    verdicts.push(handleOne(nf, event, frames, view));
  }
  return { verdicts, frames, states };
}

/** An event whose set had an earlier event in the same burst takes over the state that event left:
 * the host could not have known it. Whether the set has state at all is then known only here as
 * well. */
function takeOver(nf, events, event, states, verdicts) {
  const earlier = events[event.previous];
  const size = nf.state?.size ?? 0;
  if (verdicts[event.previous].registration !== "none" || earlier.kind === "packet") {
    states.copyWithin(event.stateOffset, earlier.stateOffset, earlier.stateOffset + size);
    event.kind = "packet";
  } else {
    states.fill(0, event.stateOffset, event.stateOffset + size);
    event.kind = "init-packet-set";
  }
}

function handleOne(nf, event, frames, view) {
  const { kind, frameOffset, stateOffset } = event;
  const nothing = { action: "consume", registration: "none", target: 0, frameOffset, frameLength: 0 };
  if (kind === "periodic") {
    nf.periodic(event.port);
    return nothing;
  }
  const hasState = kind !== "orphan-packet" && nf.state !== undefined;
  const state = hasState ? nf.state.load(view, stateOffset) : undefined;
  if (kind === "expired-packet-set") {
    nf.expiredPacketSet(state);
    return nothing;
  }
  const end = frameOffset + event.frameLength;
  const room = frameOffset - (nf.headroom ?? 0);
  const packet = new Packet(event.port, event.wireLength, frames, frameOffset, end, room);
  const { action, registration, target } = judge(nf, kind, packet, state);
  if (hasState) nf.state.store(state, view, stateOffset);
  const frameLength = packet.end - packet.start;
  return { action, registration, target, frameOffset: packet.start, frameLength };
}

function judge(nf, kind, packet, state) {
  try {
    switch (kind) {
      case "packet":
        return nf.packet(packet, state);
      case "init-packet-set":
        return nf.initPacketSet(packet, state);
      default:
        return nf.orphanPacket(packet);
    }
  } catch (error) {
    if (error instanceof Dropped) return Verdict.drop(error.reason);
    throw error;
  }
}
