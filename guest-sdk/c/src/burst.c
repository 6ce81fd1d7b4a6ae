/* From a burst of events to the handlers, one event after the other.
 *
 * The network function's constant is seen when all is linked, so the handlers are called as if by
 * name, and those that are left out are not there. */
#include <stdlib.h>
#include <string.h>

#include "../include/nfos.h"
#include "arena.h"

typedef exports_nfos_nf_handlers_event_t event;
typedef nfos_nf_types_verdict_t answer;

#define NF nfos_network_function
#define NO_PREVIOUS UINT32_MAX

void exports_nfos_nf_handlers_init(exports_nfos_nf_handlers_configuration_t *ret) {
    nfos_configuration configuration = {.capacity = 65536};
    if (NF.init != NULL) NF.init(&configuration);
    ret->idle_timeout = configuration.idle_timeout;
    ret->packet_sets = configuration.capacity;
    ret->periods.len = 0;
    ret->periods.ptr = malloc(sizeof configuration.periods);
    if (ret->periods.ptr == NULL) nfos_panic("no memory is left for the configuration");
    memcpy(ret->periods.ptr, configuration.periods, sizeof configuration.periods);
    while (ret->periods.len < 16 && configuration.periods[ret->periods.len] != 0)
        ret->periods.len++;
    nfos_arena_mark();
}

/* An event whose set had an earlier event in the same burst takes over the state that event left:
 * the host could not have known it. Whether the set has state at all is then known only here as
 * well, so the kind of such an event is decided here, and written into the event for the next. */
static void take_over(event *events, uint32_t index, uint8_t *states, const answer *answers) {
    event *this = &events[index];
    const event *earlier = &events[this->previous];
    bool registered = answers[this->previous].registration != NFOS_NF_TYPES_REGISTRATION_NONE;
    uint8_t *state = states + this->state_offset;
    if (registered || earlier->kind == NFOS_NF_TYPES_EVENT_KIND_PACKET) {
        memcpy(state, states + earlier->state_offset, NF.state_size);
        this->kind = NFOS_NF_TYPES_EVENT_KIND_PACKET;
    } else {
        memset(state, 0, NF.state_size);
        this->kind = NFOS_NF_TYPES_EVENT_KIND_INIT_PACKET_SET;
    }
}

__attribute__((cold, noinline, noreturn)) static void not_described(uint8_t kind) {
    nfos_panic("an event of kind %u, which `describe` does not list", kind);
}

static inline nfos_verdict handle_one(const event *event, nfos_packet *packet, void *state) {
    switch (event->kind) {
        case NFOS_NF_TYPES_EVENT_KIND_PACKET:
            if (NF.packet != NULL) return NF.packet(packet, state);
            break;
        case NFOS_NF_TYPES_EVENT_KIND_INIT_PACKET_SET:
            if (NF.init_packet_set != NULL) return NF.init_packet_set(packet, state);
            break;
        case NFOS_NF_TYPES_EVENT_KIND_ORPHAN_PACKET:
            if (NF.orphan_packet != NULL) return NF.orphan_packet(packet);
            break;
        case NFOS_NF_TYPES_EVENT_KIND_EXPIRED_PACKET_SET:
            if (NF.expired_packet_set != NULL) NF.expired_packet_set(state);
            return nfos_consume();
        case NFOS_NF_TYPES_EVENT_KIND_PERIODIC:
            if (NF.periodic != NULL) NF.periodic(event->port);
            return nfos_consume();
    }
    not_described(event->kind);
}

/* How far this is in its burst, where a host can read it: `burst.begin` without a call for each
 * event. A host that reads it writes its order before each burst; others leave it as it is here. */
enum { GO_ON, STOP, CALL };

struct nfos_progress {
    uint32_t begun, order;
};

/* Found by its name; volatile, since the host reads and writes it whenever an import is called. */
__attribute__((used, visibility("default"))) volatile struct nfos_progress nfos_progress = {
    .order = CALL};

static inline bool begin(uint32_t index) {
    switch (nfos_progress.order) {
        case GO_ON:
            nfos_progress.begun = index + 1;
            return true;
        case STOP: return false;
        default: return nfos_nf_burst_begin(index);
    }
}

/* Room for the events, frames and states of a burst, where a host can find it. One that does puts a
 * burst here which fits, without a call for each, and calls no post-return function: that what the
 * burst before has allocated is not needed any more, the address of the events tells. The bytes are
 * those of 32 whole frames of Ethernet, and of states as they are. */
static _Alignas(8) uint8_t block[65536];

struct nfos_room {
    uint8_t *at;
    uint32_t bytes;
};

/* Found by its name. */
__attribute__((used, visibility("default"))) const struct nfos_room nfos_room = {
    .at = block, .bytes = sizeof block};

void exports_nfos_nf_handlers_handle(exports_nfos_nf_handlers_list_event_t *events,
                                     nf_list_u8_t *frames, nf_list_u8_t *states,
                                     exports_nfos_nf_handlers_outcome_t *ret) {
    if ((uint8_t *)events->ptr == block) nfos_arena_reset();
    answer *answers = malloc(events->len * sizeof(answer));
    if (answers == NULL) nfos_panic("no memory is left for %u verdicts", (unsigned)events->len);
    uint32_t index = 0;
    for (; index < events->len; index++) {
        if (!begin(index)) break;
        event *event = &events->ptr[index];
        if (event->previous != NO_PREVIOUS) take_over(events->ptr, index, states->ptr, answers);
        nfos_packet packet = {
            .bytes = frames->ptr + event->frame_offset,
            .length = event->frame_length,
            .wire_length = event->wire_length,
            .room = NF.headroom,
            .port = event->port,
        };
        nfos_verdict verdict = handle_one(event, &packet, states->ptr + event->state_offset);
        answers[index] = (answer){verdict.action, verdict.registration, verdict.target,
                                  (uint32_t)(packet.bytes - frames->ptr), packet.length};
    }
    ret->verdicts.ptr = answers;
    ret->verdicts.len = index;
    ret->frames = *frames;
    ret->states = *states;
}

void exports_nfos_nf_handlers_exit(void) {
    if (NF.exit != NULL) NF.exit();
}

/* After the host has read the outcome everything that the burst allocated is forgotten, its
 * arguments included: in place of the generated function, which frees list by list. */
__attribute__((export_name("cabi_post_nfos:nf/handlers@0.1.0#handle"))) void
__wasm_export_exports_nfos_nf_handlers_handle_post_return(uint8_t *outcome) {
    (void)outcome;
    nfos_arena_reset();
}
