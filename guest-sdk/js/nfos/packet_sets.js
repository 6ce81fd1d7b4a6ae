/** Packet sets: which packets share state, and by which key. */

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;

/** A header field of a key. */
export const Field = {
  SOURCE_MAC: "source-mac",
  DESTINATION_MAC: "destination-mac",
  SOURCE_ADDRESS: "source-address",
  DESTINATION_ADDRESS: "destination-address",
  PROTOCOL: "protocol",
  SOURCE_PORT: "source-port",
  DESTINATION_PORT: "destination-port",
};

/** Source and destination of both layers, and the protocol. */
export const FIVE_TUPLE = [
  Field.SOURCE_ADDRESS,
  Field.DESTINATION_ADDRESS,
  Field.SOURCE_PORT,
  Field.DESTINATION_PORT,
  Field.PROTOCOL,
];

/** The 5-tuple that the answer to a packet has: destination first. */
export const ANSWERING_FIVE_TUPLE = [
  Field.DESTINATION_ADDRESS,
  Field.SOURCE_ADDRESS,
  Field.DESTINATION_PORT,
  Field.SOURCE_PORT,
  Field.PROTOCOL,
];

/** Which packets a rule is about, and the key that it reads from them. */
export class Rule {
  constructor(layer, key) {
    this.rule = { ports: [], layer, protocols: new Uint8Array(), key, symmetric: false };
  }

  /** Untagged IPv4 packets; no fragments, if the key has ports. */
  static ipv4(key) {
    return new Rule("ipv4", key);
  }

  /** Untagged IPv6 packets without extension headers. */
  static ipv6(key) {
    return new Rule("ipv6", key);
  }

  /** Every frame with an Ethernet header. */
  static ethernet(key) {
    return new Rule("ethernet", key);
  }

  /** Only packets from these ports. */
  ports(ports) {
    this.rule.ports = ports;
    return this;
  }

  /** Only these protocols. A key with ports wants some of TCP and UDP. */
  protocols(protocols) {
    this.rule.protocols = Uint8Array.from(protocols);
    return this;
  }

  /** Both directions of a conversation, seen at one port, are one set. */
  symmetric() {
    this.rule.symmetric = true;
    return this;
  }
}

/** A packet-set definition: packets whose keys have equal bytes are one set. The first rule that a
 * packet fits decides. */
export class PacketSet {
  constructor(name) {
    this.name = name;
    this.rules = [];
  }

  /** Adds a rule. */
  rule(rule) {
    this.rules.push(rule.rule);
    return this;
  }
}
