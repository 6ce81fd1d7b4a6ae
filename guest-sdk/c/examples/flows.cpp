// Counts the packets of each flow, in C++: values are structs, handlers are functions.
#include <nfos.h>

namespace {

enum : uint16_t { LAN = 0, WAN = 1 };

struct Flow {
    uint64_t packets;
};

nfos_vector totals;

// A template is as good as a macro: no standard library is needed for one.
template <typename T> T &at(void *state) {
    return *static_cast<T *>(state);
}

void init(nfos_configuration *configuration) {
    configuration->idle_timeout = 30 * NFOS_SECOND;
    totals = nfos_vector_open("totals", 2);
}

nfos_verdict first(nfos_packet *packet, void *state) {
    at<Flow>(state).packets = 1;
    nfos_vector_add(totals, packet->port, 0, 1);
    return nfos_register(nfos_send_to(packet->port ^ 1));
}

nfos_verdict next(nfos_packet *packet, void *state) {
    at<Flow>(state).packets++;
    return nfos_send_to(packet->port ^ 1);
}

void ended(const void *state) {
    if (static_cast<const Flow *>(state)->packets > 1000)
        nfos_log(NFOS_DETAIL, "a flow of %llu packets", static_cast<const Flow *>(state)->packets);
}

const nfos_packet_set packet_sets[] = {
    {"flow", {{NFOS_IPV4, NFOS_FIVE_TUPLE, 0, {NFOS_TCP, NFOS_UDP}, false}}},
    {},
};


}  // namespace

extern "C" const nfos_function nfos_network_function = {
    .name = "flows",
    .summary = "Counts the packets of each flow.",
    .ports = 2,
    .state_size = sizeof(Flow),
    .packet_sets = packet_sets,
    .init = init,
    .init_packet_set = first,
    .packet = next,
    .expired_packet_set = ended,
};
