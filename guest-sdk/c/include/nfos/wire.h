/* Headers: Ethernet, IPv4, TCP and UDP, and the Internet checksum. Part of packet.h. */
#ifndef NFOS_WIRE_H
#define NFOS_WIRE_H

/* The Internet checksum, RFC 1071: of bytes that begin a sum with 0, or go on with one. */
static inline uint64_t nfos_checksum_sum(const uint8_t *bytes, uint32_t length, uint64_t sum) {
    for (uint32_t at = 0; at + 1 < length; at += 2) sum += nfos_read16(bytes + at);
    return length % 2 == 0 ? sum : sum + ((uint64_t)bytes[length - 1] << 8);
}

/* The checksum of what was summed up. */
static inline uint16_t nfos_checksum_finish(uint64_t sum) {
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The checksum after one 16-bit word changed: RFC 1624, equation 3. */
static inline uint16_t nfos_checksum_update(uint16_t checksum, uint16_t before, uint16_t after) {
    return nfos_checksum_finish((uint64_t)(uint16_t)~checksum + (uint16_t)~before + after);
}

/* The checksum after two 16-bit words changed, such as an IPv4 address. */
static inline uint16_t nfos_checksum_update_pair(uint16_t checksum, uint32_t before,
                                                 uint32_t after) {
    uint64_t removed = (uint64_t)(~before >> 16) + (~before & 0xffff);
    uint64_t added = (uint64_t)(after >> 16) + (after & 0xffff);
    return nfos_checksum_finish((uint64_t)(uint16_t)~checksum + removed + added);
}

/* A UDP checksum after an update: 0 means that there is none and stays, and a computed 0 is sent
 * as 0xffff (RFC 768). */
static inline uint16_t nfos_checksum_of_udp(uint16_t before, uint16_t updated) {
    if (before == 0) return 0;
    return updated == 0 ? 0xffff : updated;
}

/* A MAC address. */
typedef struct nfos_mac {
    uint8_t octets[6];
} nfos_mac;

/* Whether it is a group's: of multicast or broadcast. */
static inline bool nfos_mac_is_group(const nfos_mac *mac) {
    return (mac->octets[0] & 1) != 0;
}
/* Whether all of it is zero. */
static inline bool nfos_mac_is_zero(const nfos_mac *mac) {
    const uint8_t *o = mac->octets;
    return (o[0] | o[1] | o[2] | o[3] | o[4] | o[5]) == 0;
}

/* What an Ethernet frame carries. */
enum {
    NFOS_ETHER_TYPE_IPV4 = 0x0800,
    NFOS_ETHER_TYPE_ARP = 0x0806,
    NFOS_ETHER_TYPE_VLAN = 0x8100,
    NFOS_ETHER_TYPE_IPV6 = 0x86dd,
};

/* An Ethernet header, as it lies in the frame: addresses may be read and changed here. */
typedef struct nfos_ethernet {
    nfos_mac destination;
    nfos_mac source;
    uint8_t ether_type[2];
} nfos_ethernet;

/* The Ethernet header of a packet; NFOS_TRUNCATED for fewer than 14 bytes. */
static inline nfos_reason nfos_packet_ethernet(nfos_packet *packet, nfos_ethernet **ethernet) {
    if (packet->length < sizeof(nfos_ethernet)) return NFOS_TRUNCATED;
    *ethernet = (nfos_ethernet *)packet->bytes;
    return NFOS_OK;
}
static inline uint16_t nfos_ether_type(const nfos_ethernet *ethernet) {
    return nfos_read16(ethernet->ether_type);
}
static inline void nfos_set_ether_type(nfos_ethernet *ethernet, uint16_t ether_type) {
    nfos_write16(ethernet->ether_type, ether_type);
}

/* An IPv4 packet whose lengths are in order, RFC 791. */
typedef struct nfos_ipv4 {
    uint8_t *header;
    uint8_t *payload;
    uint32_t payload_length; /* by the header, without the padding behind */
    uint32_t visible;        /* how much of it the window shows */
} nfos_ipv4;

/* The IPv4 header of a packet, if it is untagged IPv4. NFOS_TRUNCATED, NFOS_NOT_IPV4,
 * NFOS_MALFORMED_IP: the first that holds. */
static inline nfos_reason nfos_packet_ipv4(nfos_packet *packet, nfos_ipv4 *ip) {
    if (packet->length < 14) return NFOS_TRUNCATED;
    if (nfos_read16(packet->bytes + 12) != NFOS_ETHER_TYPE_IPV4) return NFOS_NOT_IPV4;
    uint32_t length = packet->length - 14;
    uint32_t on_wire = packet->wire_length < 14 ? 0 : packet->wire_length - 14;
    if (length < 20) return on_wire > length ? NFOS_TRUNCATED : NFOS_MALFORMED_IP;
    uint8_t *header = packet->bytes + 14;
    uint32_t header_length = (header[0] & 0x0fu) * 4;
    uint32_t total_length = nfos_read16(header + 2);
    if (header[0] >> 4 != 4 || header_length < 20 || header_length > total_length ||
        total_length > on_wire)
        return NFOS_MALFORMED_IP;
    if (header_length > length) return NFOS_TRUNCATED;
    ip->header = header;
    ip->payload = header + header_length;
    ip->payload_length = total_length - header_length;
    uint32_t rest = length - header_length;
    ip->visible = ip->payload_length < rest ? ip->payload_length : rest;
    return NFOS_OK;
}

static inline uint16_t nfos_ipv4_total_length(const nfos_ipv4 *ip) {
    return nfos_read16(ip->header + 2);
}
/* Whether it is a fragment, the first included. */
static inline bool nfos_ipv4_is_fragment(const nfos_ipv4 *ip) {
    return (nfos_read16(ip->header + 6) & 0x3fff) != 0;
}
static inline uint8_t nfos_ipv4_ttl(const nfos_ipv4 *ip) {
    return ip->header[8];
}
static inline uint8_t nfos_ipv4_protocol(const nfos_ipv4 *ip) {
    return ip->header[9];
}
static inline uint32_t nfos_ipv4_source(const nfos_ipv4 *ip) {
    return nfos_read32(ip->header + 12);
}
static inline uint32_t nfos_ipv4_destination(const nfos_ipv4 *ip) {
    return nfos_read32(ip->header + 16);
}

/* Takes a hop off the time to live; NFOS_TTL_EXPIRED if there is none to take: below 2
 * (RFC 1812 §5.3.1). */
static inline nfos_reason nfos_ipv4_decrement_ttl(nfos_ipv4 *ip) {
    if (ip->header[8] < 2) return NFOS_TTL_EXPIRED;
    uint16_t before = nfos_read16(ip->header + 8);
    uint16_t after = (uint16_t)(before - 0x100);
    nfos_write16(ip->header + 8, after);
    uint16_t sum = nfos_checksum_update(nfos_read16(ip->header + 10), before, after);
    nfos_write16(ip->header + 10, sum);
    return NFOS_OK;
}

/* Of TCP and UDP: where the checksum lies in the payload if all of the header does; or else 0. */
static inline uint32_t nfos_ipv4_checksum_place_(const nfos_ipv4 *ip) {
    bool first = (nfos_read16(ip->header + 6) & 0x1fff) == 0;
    if (first && ip->header[9] == 6 && ip->visible >= 20) return 16;
    if (first && ip->header[9] == 17 && ip->visible >= 8) return 6;
    return 0;
}

static inline void nfos_ipv4_set_address_(nfos_ipv4 *ip, uint32_t at, uint32_t address) {
    uint32_t before = nfos_read32(ip->header + at);
    nfos_write32(ip->header + at, address);
    uint16_t sum = nfos_checksum_update_pair(nfos_read16(ip->header + 10), before, address);
    nfos_write16(ip->header + 10, sum);
    uint32_t place = nfos_ipv4_checksum_place_(ip);
    if (place == 0) return;
    uint16_t old = nfos_read16(ip->payload + place);
    uint16_t updated = nfos_checksum_update_pair(old, before, address);
    nfos_write16(ip->payload + place, place == 6 ? nfos_checksum_of_udp(old, updated) : updated);
}

/* Sets from whom it is, or to whom it goes, in the checksums of TCP and UDP as well. */
static inline void nfos_ipv4_set_source(nfos_ipv4 *ip, uint32_t address) {
    nfos_ipv4_set_address_(ip, 12, address);
}
static inline void nfos_ipv4_set_destination(nfos_ipv4 *ip, uint32_t address) {
    nfos_ipv4_set_address_(ip, 16, address);
}

/* The transport header of a packet of TCP or UDP, of which the ports are in one place. */
typedef struct nfos_transport {
    uint8_t *header;
    uint32_t checksum_place;
} nfos_transport;

/* The TCP or UDP header that an IPv4 packet carries. NFOS_FRAGMENT; NFOS_MALFORMED_L4 for one that
 * does not fit the payload; NFOS_TRUNCATED if the window hides part of it;
 * NFOS_UNSUPPORTED_PROTOCOL for other protocols. */
static inline nfos_reason nfos_ipv4_transport(const nfos_ipv4 *ip, nfos_transport *transport) {
    if (nfos_ipv4_is_fragment(ip)) return NFOS_FRAGMENT;
    uint8_t protocol = nfos_ipv4_protocol(ip);
    if (protocol != 6 && protocol != 17) return NFOS_UNSUPPORTED_PROTOCOL;
    uint32_t least = protocol == 6 ? 20 : 8;
    if (ip->payload_length < least) return NFOS_MALFORMED_L4;
    if (ip->visible < least) return NFOS_TRUNCATED;
    uint32_t stated = protocol == 6 ? (uint32_t)(ip->payload[12] >> 4) * 4
                                    : nfos_read16(ip->payload + 4);
    if (stated < least || stated > ip->payload_length) return NFOS_MALFORMED_L4;
    transport->header = ip->payload;
    transport->checksum_place = protocol == 6 ? 16 : 6;
    return NFOS_OK;
}
static inline uint16_t nfos_source_port(const nfos_transport *transport) {
    return nfos_read16(transport->header);
}
static inline uint16_t nfos_destination_port(const nfos_transport *transport) {
    return nfos_read16(transport->header + 2);
}

static inline void nfos_set_port_(nfos_transport *transport, uint32_t at, uint16_t port) {
    uint8_t *checksum = transport->header + transport->checksum_place;
    uint16_t before = nfos_read16(checksum);
    uint16_t sum = nfos_checksum_update(before, nfos_read16(transport->header + at), port);
    nfos_write16(transport->header + at, port);
    bool is_udp = transport->checksum_place == 6;
    nfos_write16(checksum, is_udp ? nfos_checksum_of_udp(before, sum) : sum);
}

/* Sets a port, in the checksum as well. */
static inline void nfos_set_source_port(nfos_transport *transport, uint16_t port) {
    nfos_set_port_(transport, 0, port);
}
static inline void nfos_set_destination_port(nfos_transport *transport, uint16_t port) {
    nfos_set_port_(transport, 2, port);
}

#endif
