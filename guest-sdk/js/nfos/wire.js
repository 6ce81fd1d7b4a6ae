/** Headers: Ethernet, IPv4, TCP and UDP, and the Internet checksum. Addresses are Uint8Arrays in
 * network order. */

import { Dropped } from "./verdict.js";

/** The Internet checksum, RFC 1071. */
export function checksum(data) {
  let total = 0;
  for (let at = 0; at < data.length; at += 2) total += (data[at] << 8) | (data[at + 1] ?? 0);
  return folded(total);
}

/** The checksum after bytes changed, an even number of them: RFC 1624, equation 3. */
export function checksumUpdate(checksum, before, after) {
  let total = ~checksum & 0xffff;
  for (let at = 0; at < before.length; at += 2) {
    total += ~word(before, at) & 0xffff;
    total += word(after, at);
  }
  return folded(total);
}

function folded(total) {
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000);
  return ~total & 0xffff;
}

function word(data, at) {
  return (data[at] << 8) | data[at + 1];
}

function setWord(data, at, value) {
  data[at] = value >> 8;
  data[at + 1] = value;
}

/** Whether two addresses are the same. */
export function equal(a, b) {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}

/** An Ethernet frame. */
export class Ethernet {
  static IPV4 = 0x0800;
  static ARP = 0x0806;
  static VLAN = 0x8100;
  static IPV6 = 0x86dd;

  constructor(data, wireLength) {
    if (data.length < 14) throw new Dropped("truncated");
    this.data = data;
    this.wireLength = wireLength;
  }

  /** To whom it goes. */
  get destination() {
    return this.data.slice(0, 6);
  }
  set destination(address) {
    this.data.set(address, 0);
  }

  /** From whom it is. */
  get source() {
    return this.data.slice(6, 12);
  }
  set source(address) {
    this.data.set(address, 6);
  }

  /** What it carries. */
  get etherType() {
    return word(this.data, 12);
  }
  set etherType(etherType) {
    setWord(this.data, 12, etherType);
  }

  /** What follows the header, padding included. */
  get payload() {
    return this.data.subarray(14);
  }

  /** The IPv4 packet that it carries untagged. */
  intoIpv4() {
    if (this.etherType !== Ethernet.IPV4) throw new Dropped("not_ipv4");
    return new Ipv4(this.payload, Math.max(this.wireLength - 14, 0));
  }
}

/** An IPv4 packet whose lengths are in order, RFC 791. */
export class Ipv4 {
  constructor(data, wireLength) {
    if (data.length < 20) {
      throw new Dropped(wireLength > data.length ? "truncated" : "malformed_ip");
    }
    const headerLength = (data[0] & 0x0f) * 4;
    const totalLength = word(data, 2);
    const inOrder =
      data[0] >> 4 === 4 &&
      headerLength >= 20 &&
      headerLength <= totalLength &&
      totalLength <= wireLength;
    if (!inOrder) throw new Dropped("malformed_ip");
    if (headerLength > data.length) throw new Dropped("truncated");
    this.data = data;
    this.payload = data.subarray(headerLength, totalLength);
    this.payloadLength = totalLength - headerLength;
  }

  get totalLength() {
    return word(this.data, 2);
  }

  /** Whether it is a fragment, the first included. */
  get isFragment() {
    return (word(this.data, 6) & 0x3fff) !== 0;
  }

  get ttl() {
    return this.data[8];
  }

  get protocol() {
    return this.data[9];
  }

  /** From whom it is; set, it is in the checksums of TCP and UDP as well. */
  get source() {
    return this.data.slice(12, 16);
  }
  set source(address) {
    this.setAddress(12, address);
  }

  /** To whom it goes; set, likewise. */
  get destination() {
    return this.data.slice(16, 20);
  }
  set destination(address) {
    this.setAddress(16, address);
  }

  /** Takes a hop off the time to live; throws if there is none to take: below 2. */
  decrementTtl() {
    if (this.ttl < 2) throw new Dropped("ttl_expired");
    const before = this.data.slice(8, 10);
    this.data[8] -= 1;
    this.updateChecksum(before, this.data.subarray(8, 10));
  }

  /** The TCP or UDP header that it carries. */
  transport() {
    if (this.isFragment) throw new Dropped("fragment");
    if (this.protocol !== 6 && this.protocol !== 17) throw new Dropped("unsupported_protocol");
    return new Transport(this.protocol, this.payload, this.payloadLength);
  }

  updateChecksum(before, after) {
    setWord(this.data, 10, checksumUpdate(word(this.data, 10), before, after));
  }

  setAddress(at, address) {
    const before = this.data.slice(at, at + 4);
    this.data.set(address, at);
    this.updateChecksum(before, address);
    const isFirst = (word(this.data, 6) & 0x1fff) === 0;
    if (isFirst && this.protocol === 6 && this.payload.length >= 20) {
      updateTransport(this.payload, 16, before, address);
    } else if (isFirst && this.protocol === 17 && this.payload.length >= 8) {
      updateTransport(this.payload, 6, before, address);
    }
  }
}

/** A TCP segment or a UDP datagram. */
export class Transport {
  constructor(protocol, data, length) {
    const least = protocol === 6 ? 20 : 8;
    if (length < least) throw new Dropped("malformed_l4");
    if (data.length < least) throw new Dropped("truncated");
    const stated = protocol === 6 ? (data[12] >> 4) * 4 : word(data, 4);
    if (stated < least || stated > length) throw new Dropped("malformed_l4");
    this.data = data;
    this.checksumPlace = protocol === 6 ? 16 : 6;
  }

  /** The sender's port; set, it is in the checksum as well. */
  get sourcePort() {
    return word(this.data, 0);
  }
  set sourcePort(port) {
    this.setPort(0, port);
  }

  /** The receiver's port; set, likewise. */
  get destinationPort() {
    return word(this.data, 2);
  }
  set destinationPort(port) {
    this.setPort(2, port);
  }

  setPort(at, port) {
    const before = this.data.slice(at, at + 2);
    setWord(this.data, at, port);
    updateTransport(this.data, this.checksumPlace, before, this.data.subarray(at, at + 2));
  }
}

function updateTransport(data, place, before, after) {
  const old = word(data, place);
  let updated = checksumUpdate(old, before, after);
  // 0 means that there is none and stays, and a computed 0 is sent as 0xffff (RFC 768).
  if (place === 6) updated = old === 0 ? 0 : updated || 0xffff;
  setWord(data, place, updated);
}
