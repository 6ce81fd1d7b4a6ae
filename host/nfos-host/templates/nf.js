/** Counts packets and bytes per ingress port, and passes each packet to the other port. */

import { Level, Vector, Verdict, log, networkFunction, struct, u64 } from "nfos";

/** More ports than a host has. */
const PORTS_MAX = 64;

/** What is counted of a port; shared by all cores. */
const Traffic = struct({ packets: u64, bytes: u64 });

let traffic;

export const handlers = networkFunction({
  name: "{name}",
  summary: "Counts packets and bytes per port.",
  ports: 2,

  init() {
    traffic = Vector.open("traffic", PORTS_MAX, Traffic);
  },

  orphanPacket(packet) {
    // An addition is not an observation, so counting never makes two packets conflict.
    traffic.add(packet.port, "packets", 1);
    traffic.add(packet.port, "bytes", packet.wireLength);
    return Verdict.send(packet.port ^ 1);
  },

  exit() {
    for (let port = 0; port < PORTS_MAX; port++) {
      const { packets, bytes } = traffic.read(port);
      if (packets > 0n) {
        log(Level.INFORMATION, `port ${port}: ${packets} packets, ${bytes} bytes`);
      }
    }
  },
});
