/* Counts packets and bytes per ingress port, and passes each packet to the other port. */
#include <nfos.h>

/* More ports than a host has. */
enum { PORTS_MAX = 64 };

/* What is counted of a port; shared by all cores. */
struct traffic {
    uint64_t packets;
    uint64_t bytes;
};

static nfos_vector traffic;

static void init(nfos_configuration *configuration) {
    (void)configuration;
    traffic = nfos_vector_open("traffic", PORTS_MAX);
}

static nfos_verdict orphan_packet(nfos_packet *packet) {
    /* An addition is not an observation, so counting never makes two packets conflict. */
    nfos_vector_add(traffic, packet->port, NFOS_WORD(struct traffic, packets), 1);
    nfos_vector_add(traffic, packet->port, NFOS_WORD(struct traffic, bytes), packet->wire_length);
    return nfos_send_to(packet->port ^ 1);
}

static void last_words(void) {
    for (uint32_t port = 0; port < PORTS_MAX; port++) {
        struct traffic seen;
        nfos_vector_read(traffic, port, &seen);
        if (seen.packets > 0)
            nfos_log(NFOS_INFORMATION, "port %u: %llu packets, %llu bytes", port, seen.packets,
                     seen.bytes);
    }
}

const nfos_function nfos_network_function = {
    .name = "{name}",
    .summary = "Counts packets and bytes per port.",
    .ports = 2,
    .init = init,
    .orphan_packet = orphan_packet,
    .exit = last_words,
};
