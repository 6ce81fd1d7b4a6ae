/* Frames, the headers in them, and what becomes of a packet.
 *
 * A header view checks once that its header is there and whole, and gives the reason to drop the
 * packet if not; after that nothing it does can fail. */
#ifndef NFOS_PACKET_H
#define NFOS_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/* Why packets are dropped: the reasons of header views, then the network function's own, which
 * count from NFOS_OWN_REASONS in the order of `nfos_function.reasons`. */
typedef int nfos_reason;
enum {
    NFOS_OK = -1, /* no reason */
    NFOS_TRUNCATED,
    NFOS_NOT_IPV4, /* of a view of IPv6: not IPv6 */
    NFOS_MALFORMED_IP,
    NFOS_FRAGMENT,
    NFOS_MALFORMED_L4,
    NFOS_TTL_EXPIRED,
    NFOS_UNSUPPORTED_PROTOCOL,
    NFOS_OWN_REASONS,
};

/* What becomes of a packet. */
typedef struct nfos_verdict {
    uint8_t action;
    uint8_t registration;
    uint16_t target;
} nfos_verdict;

/* It leaves through a port. */
static inline nfos_verdict nfos_send_to(uint16_t port) {
    nfos_verdict verdict = {1, 0, port};
    return verdict;
}

/* It is dropped, and counted under the reason. */
static inline nfos_verdict nfos_drop(nfos_reason reason) {
    nfos_verdict verdict = {0, 0, (uint16_t)reason};
    return verdict;
}

/* A copy of it leaves through every port but its own. */
static inline nfos_verdict nfos_flood(void) {
    nfos_verdict verdict = {2, 0, 0};
    return verdict;
}

/* It was for the network function itself and goes no further. */
static inline nfos_verdict nfos_consume(void) {
    nfos_verdict verdict = {3, 0, 0};
    return verdict;
}

/* Of a first packet: its set gets state. If there is no room, the event is undone and the packet
 * is dropped as packet_set_table_full. */
static inline nfos_verdict nfos_register(nfos_verdict verdict) {
    verdict.registration = 2;
    return verdict;
}

/* Of a first packet: its set gets state if there is room. If there is none, what the event did to
 * aggregate state is undone, and the verdict stands. */
static inline nfos_verdict nfos_register_if_room(nfos_verdict verdict) {
    verdict.registration = 1;
    return verdict;
}

/* In a handler of packets: drops the packet if a view of its headers gives a reason to. */
#define NFOS_TRY(view)                                                                          \
    do {                                                                                        \
        nfos_reason nfos_reason_ = (view);                                                      \
        if (nfos_reason_ != NFOS_OK) return nfos_drop(nfos_reason_);                            \
    } while (0)

/* The packet of an event. */
typedef struct nfos_packet {
    uint8_t *bytes;       /* the frame: all of it, or its window */
    uint32_t length;      /* how many bytes lie there */
    uint32_t wire_length; /* bytes of the whole frame on the wire, without the check sequence */
    uint32_t room;        /* bytes before the frame into which it may grow */
    uint16_t port;        /* where it came from */
} nfos_packet;

/* Puts `count` bytes before the frame, of arbitrary content; false, and as it was, if it would
 * grow beyond the headroom. */
static inline bool nfos_grow_front(nfos_packet *packet, uint32_t count) {
    if (count > packet->room) return false;
    packet->bytes -= count;
    packet->length += count;
    packet->wire_length += count;
    packet->room -= count;
    return true;
}

/* Takes `count` bytes off the front of the frame. */
static inline nfos_reason nfos_shrink_front(nfos_packet *packet, uint32_t count) {
    if (count > packet->length) return NFOS_TRUNCATED;
    packet->bytes += count;
    packet->length -= count;
    packet->wire_length -= count;
    packet->room += count;
    return NFOS_OK;
}

/* Numbers in network order, wherever they lie. */
static inline uint16_t nfos_read16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}
static inline uint32_t nfos_read32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
static inline void nfos_write16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void nfos_write32(uint8_t *at, uint32_t value) {
    nfos_write16(at, (uint16_t)(value >> 16));
    nfos_write16(at + 2, (uint16_t)value);
}

#include "wire.h"

#endif
