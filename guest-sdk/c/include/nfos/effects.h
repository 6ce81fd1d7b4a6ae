/* What a handler does beside answering: it sends, logs, emits, tells the time, ends. */
#ifndef NFOS_EFFECTS_H
#define NFOS_EFFECTS_H

#include <stdint.h>

#include "../../generated/nf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds since a start that is the same for all workers; of a packet from a capture its time
 * stamp. Constant within an event. */
static inline uint64_t nfos_now(void) {
    return nfos_nf_clock_now();
}

/* How long ago `earlier` was; 0 if it is later: clocks of two workers may be read in one order
 * and commit in the other. */
static inline uint64_t nfos_ns_since(uint64_t now, uint64_t earlier) {
    return now > earlier ? now - earlier : 0;
}

/* A number from the whole range. Not for secrets. */
static inline uint64_t nfos_random(void) {
    return nfos_nf_random_next();
}

/* FNV-1a 64 over the seed as 8 little-endian bytes and then `bytes`, finished by splitmix64: the
 * same number in the SDKs of all languages. */
uint64_t nfos_hash(uint64_t seed, const void *bytes, uint32_t length);

/* Sends a frame through a port, before the packet of the event. At most 64 in one event. */
static inline void nfos_send(uint16_t port, const void *frame, uint32_t length) {
    nf_list_u8_t bytes = {(uint8_t *)frame, length};
    nfos_nf_send_send(port, &bytes);
}

/* Emits the event `index` of `nfos_function.events` with a value. */
static inline void nfos_emit(uint32_t index, uint64_t value) {
    nfos_nf_event_emit(index, value);
}

typedef enum nfos_level { NFOS_ERROR, NFOS_WARNING, NFOS_INFORMATION, NFOS_DETAIL } nfos_level;

/* Logs a line, cut at 512 bytes. Of printf's conversions it knows %s %c %d %i %u %x %p and %%,
 * with l, ll and z, with a width and with 0 before it. */
void nfos_log(nfos_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the handler: the packet is dropped, and the message is in the host's log. In `init` it ends
 * the start of the host. */
void nfos_panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn, cold));

#ifdef __cplusplus
}
#endif
#endif
