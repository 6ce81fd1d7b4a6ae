/* The header views of the C SDK, compiled for this machine: setters keep checksums equal to their
 * recomputation. Prints a digest of all that they did; the SDKs of other languages do the same to the
 * same frames and must print the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../include/nfos/packet.h"

static uint64_t state = 1;

static uint32_t below(uint32_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % bound;
}

static uint16_t transport_checksum(const uint8_t *ip, uint32_t length) {
    uint64_t sum = nfos_checksum_sum(ip + 12, 8, ip[9] + length);
    return nfos_checksum_finish(nfos_checksum_sum(ip + 20, length, sum));
}

/* A frame of TCP or UDP with right checksums, and sometimes with something wrong. */
static uint32_t make(uint8_t *frame, bool *intact) {
    bool tcp = below(2) == 1, without = below(8) == 0;
    uint32_t payload = below(40), header = tcp ? 20 : 8, length = header + payload;
    for (uint32_t at = 0; at < 34 + length; at++) frame[at] = (uint8_t)below(256);
    uint8_t *ip = frame + 14, *l4 = frame + 34;
    nfos_write16(frame + 12, 0x0800);
    ip[0] = 0x45;
    nfos_write16(ip + 2, (uint16_t)(20 + length));
    nfos_write16(ip + 6, 0);
    ip[8] = (uint8_t)below(4);
    ip[9] = tcp ? 6 : 17;
    nfos_write16(ip + 10, 0);
    nfos_write16(ip + 10, nfos_checksum_finish(nfos_checksum_sum(ip, 20, 0)));
    if (tcp) l4[12] = 5 << 4;
    else nfos_write16(l4 + 4, (uint16_t)length);
    uint32_t place = tcp ? 16 : 6;
    nfos_write16(l4 + place, 0);
    uint16_t sum = transport_checksum(ip, length);
    if (!tcp && sum == 0) sum = 0xffff;
    nfos_write16(l4 + place, !tcp && without ? 0 : sum);
    uint32_t damage = below(10), cut = below(10) == 0 ? below(40) : 0;
    if (damage == 0) {
        uint32_t at = 12 + below(12);
        frame[at] ^= (uint8_t)(1 << below(8));
    }
    *intact = damage != 0 && cut == 0;
    return 34 + length - cut;
}

/* All that the views can do; the reason of the first that fails. */
static nfos_reason rewrite(nfos_packet *packet, uint32_t source, uint32_t destination,
                           uint16_t port) {
    nfos_ipv4 ip;
    nfos_transport transport;
    nfos_reason reason = nfos_packet_ipv4(packet, &ip);
    if (reason != NFOS_OK) return reason;
    nfos_ipv4_set_source(&ip, source);
    nfos_ipv4_set_destination(&ip, destination);
    reason = nfos_ipv4_transport(&ip, &transport);
    if (reason != NFOS_OK) return reason;
    nfos_set_source_port(&transport, port);
    nfos_set_destination_port(&transport, (uint16_t)(port + 1));
    return nfos_ipv4_decrement_ttl(&ip);
}

static void require(bool holds, const char *what, int frame) {
    if (holds) return;
    fprintf(stderr, "frame %d: %s\n", frame, what);
    exit(1);
}

/* What was right is right after it was rewritten. */
static void check(const uint8_t *frame, nfos_reason reason, int number) {
    const uint8_t *ip = frame + 14, *l4 = frame + 34;
    uint32_t carried = nfos_read16(ip + 2) - 20u;
    require(reason == NFOS_OK || reason == NFOS_TTL_EXPIRED, "refused", number);
    require(nfos_checksum_finish(nfos_checksum_sum(ip, 20, 0)) == 0, "checksum of IPv4", number);
    bool none = ip[9] == 17 && nfos_read16(l4 + 6) == 0;
    require(none || transport_checksum(ip, carried) == 0, "checksum of TCP or UDP", number);
}

int main(void) {
    uint64_t digest = 0xcbf29ce484222325u;
    uint32_t seen[8] = {0};
    for (int number = 0; number < 20000; number++) {
        uint8_t frame[128];
        bool intact;
        uint32_t length = make(frame, &intact);
        uint32_t on_wire = length + (below(6) == 0 ? 4 : 0);
        nfos_packet packet = {.bytes = frame, .length = length, .wire_length = on_wire};
        uint32_t source = below(0x7fffffff), destination = below(0x7fffffff);
        nfos_reason reason = rewrite(&packet, source, destination, (uint16_t)below(65535));
        seen[reason + 1]++;
        if (intact) check(frame, reason, number);
        digest = (digest ^ (uint64_t)(reason + 1)) * 0x100000001b3u;
        for (uint32_t at = 0; at < length; at++)
            digest = (digest ^ frame[at]) * 0x100000001b3u;
    }
    for (int reason = NFOS_OK; reason <= NFOS_UNSUPPORTED_PROTOCOL; reason++)
        require(seen[reason + 1] > 0, "a reason never came up", reason);
    printf("%016llx\n", (unsigned long long)digest);
    return 0;
}
