/* The policer in C: see ../README.md. Held to the same captures and the same model as the one in
 * Rust, ../src/lib.rs. */
#include <nfos.h>

enum { LAN = 0, WAN = 1 };

enum { OVER_RATE = NFOS_OWN_REASONS };

typedef unsigned __int128 wide;

/* How many bytes a host may receive now. What time earns beyond whole bytes is kept, in billionths,
 * so the credit over any time is exact however often the bucket is filled. */
struct bucket {
    uint64_t tokens;
    uint64_t remainder;
    uint64_t last;
};

static uint64_t rate;
static uint64_t burst;

static void fill(struct bucket *bucket, uint64_t now) {
    wide earned = (wide)nfos_ns_since(now, bucket->last) * rate;
    if (earned >= (wide)(burst - bucket->tokens) * NFOS_SECOND) {
        bucket->tokens = burst;
        bucket->remainder = 0;
    } else {
        wide billionths = earned + bucket->remainder;
        /* Almost always: a division of 128 bits costs ten times as much. */
        if (billionths >> 64 == 0) {
            bucket->tokens += (uint64_t)billionths / NFOS_SECOND;
            bucket->remainder = (uint64_t)billionths % NFOS_SECOND;
        } else {
            bucket->tokens += (uint64_t)(billionths / NFOS_SECOND);
            bucket->remainder = (uint64_t)(billionths % NFOS_SECOND);
        }
    }
    if (now > bucket->last) bucket->last = now;
}

/* Takes the tokens of a frame, if there are as many. */
static bool take(struct bucket *bucket, uint32_t wire_length) {
    if (bucket->tokens < wire_length) return false;
    bucket->tokens -= wire_length;
    return true;
}

static void init(nfos_configuration *configuration) {
    rate = nfos_parameter_unsigned("rate_bytes_per_second");
    burst = nfos_parameter_unsigned("burst_bytes");
    /* A bucket that is forgotten after this time is full, so that nothing is lost by it. */
    wide time_to_fill = ((wide)burst * NFOS_SECOND + rate - 1) / rate;
    configuration->idle_timeout = time_to_fill >> 64 == 0 ? (uint64_t)time_to_fill : UINT64_MAX;
    configuration->capacity = 155000;
}

static nfos_verdict init_packet_set(nfos_packet *packet, void *state) {
    struct bucket *bucket = state;
    nfos_ipv4 ip;
    NFOS_TRY(nfos_packet_ipv4(packet, &ip));
    *bucket = (struct bucket){.tokens = burst, .last = nfos_now()};
    if (!take(bucket, packet->wire_length)) return nfos_drop(OVER_RATE);
    return nfos_register(nfos_send_to(LAN));
}

static nfos_verdict packet(nfos_packet *packet, void *state) {
    struct bucket *bucket = state;
    fill(bucket, nfos_now());
    return take(bucket, packet->wire_length) ? nfos_send_to(LAN) : nfos_drop(OVER_RATE);
}

static nfos_verdict orphan_packet(nfos_packet *packet) {
    if (packet->port != WAN) return nfos_send_to(WAN);
    nfos_ipv4 ip;
    NFOS_TRY(nfos_packet_ipv4(packet, &ip));
    /* Its IPv4 header is in order, so it had a packet set. */
    return nfos_drop(NFOS_MALFORMED_IP);
}

static const nfos_parameter parameters[] = {
    {
        .name = "rate_bytes_per_second",
        .help = "Bytes per second that each host may receive.",
        .number = 375000000,
        .first = 1,
        .last = 1000000000000,
    },
    {
        .name = "burst_bytes",
        .help = "Bytes that a host may receive at once after a rest.",
        .number = 3750000000,
        .first = 1,
        .last = 1000000000000000,
    },
    {0},
};

static const nfos_packet_set packet_sets[] = {
    {
        .name = "host",
        .rules = {{
            .layer = NFOS_IPV4,
            .key = {NFOS_DESTINATION_ADDRESS},
            .ports = NFOS_PORT(WAN),
        }},
    },
    {0},
};

static const char *const reasons[] = {"over_rate", NULL};

const nfos_function nfos_network_function = {
    .name = "policer",
    .summary = "Limits how many bytes per second reach each host of the LAN.",
    .ports = 2,
    .state_size = sizeof(struct bucket),
    .parameters = parameters,
    .packet_sets = packet_sets,
    .reasons = reasons,
    .init = init,
    .init_packet_set = init_packet_set,
    .packet = packet,
    .orphan_packet = orphan_packet,
};
