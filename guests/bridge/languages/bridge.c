/* The bridge in C: see ../README.md. Held to the same captures and the same model as the one in
 * Rust, ../src/lib.rs. */
#include <nfos.h>
#include <string.h>

enum { BAD_SOURCE = NFOS_OWN_REASONS, RESERVED_GROUP, SAME_PORT };
enum { STATION_MOVED, TABLE_FULL };

/* What the map leads to: a station is known as long as its lease is held. */
struct station {
    uint32_t lease;
    uint16_t port;
};

static nfos_leased_map stations;
static uint32_t capacity;
static uint64_t ageing;
static uint32_t expire_max;

/* With refresh=write: when each was last seen, by lease, read and written at each frame. */
static bool by_writing;
static nfos_vector last_seen;
static uint64_t refresh_interval;

static void init(nfos_configuration *configuration) {
    capacity = (uint32_t)nfos_parameter_unsigned("capacity");
    uint64_t ageing_ms = nfos_parameter_unsigned("ageing_ms");
    uint64_t refresh_interval_ms = nfos_parameter_unsigned("refresh_interval_ms");
    by_writing = strcmp(nfos_parameter_text("refresh"), "write") == 0;
    expire_max = (uint32_t)nfos_parameter_unsigned("expire_max");
    if (refresh_interval_ms > ageing_ms / 2)
        nfos_panic("the parameter `refresh_interval_ms` is %llu, but should be at most %llu, half "
                   "of `ageing_ms`", refresh_interval_ms, ageing_ms / 2);
    ageing = ageing_ms * NFOS_MILLISECOND;
    refresh_interval = refresh_interval_ms * NFOS_MILLISECOND;
    if (by_writing) last_seen = nfos_vector_open("last_seen", capacity);
    stations = nfos_leased_map_open("stations", capacity, sizeof(nfos_mac),
                                    by_writing ? 0 : refresh_interval);
    configuration->periods[0] = nfos_parameter_unsigned("period_ms") * NFOS_MILLISECOND;
}

static void renew(uint32_t lease) {
    if (!by_writing) {
        nfos_leased_map_refresh(&stations, lease, ageing);
        return;
    }
    uint64_t last, now = nfos_now();
    nfos_vector_read(last_seen, lease, &last);
    if (nfos_ns_since(now, last) < refresh_interval) return;
    if (now < last) now = last;
    nfos_vector_write(last_seen, lease, &now);
}

/* Notes that a station is on a port now. If there is no room for it, that is all. */
static void learn(const nfos_mac *mac, uint16_t port) {
    struct station station;
    if (nfos_leased_map_get(&stations, mac, &station)) {
        if (station.port != port) {
            station.port = port;
            nfos_leased_map_set(&stations, mac, &station);
            nfos_emit(STATION_MOVED, port);
        }
        renew(station.lease);
        return;
    }
    station = (struct station){.port = port};
    if (!nfos_leased_map_insert(&stations, mac, &station, ageing)) {
        nfos_emit(TABLE_FULL, capacity);
    } else if (by_writing) {
        uint64_t now = nfos_now();
        nfos_vector_write(last_seen, station.lease, &now);
    }
}

/* Whether an address is one of 01-80-C2-00-00-00 to -0F (IEEE 802.1Q, table 8-1). */
static bool is_reserved(const nfos_mac *mac) {
    static const uint8_t group[5] = {0x01, 0x80, 0xc2, 0, 0};
    return memcmp(mac->octets, group, sizeof group) == 0 && mac->octets[5] <= 0x0f;
}

static nfos_verdict orphan_packet(nfos_packet *packet) {
    nfos_ethernet *ethernet;
    NFOS_TRY(nfos_packet_ethernet(packet, &ethernet));
    const nfos_mac *source = &ethernet->source, *destination = &ethernet->destination;
    if (nfos_mac_is_group(source) || nfos_mac_is_zero(source)) return nfos_drop(BAD_SOURCE);
    if (is_reserved(destination)) return nfos_drop(RESERVED_GROUP);
    learn(source, packet->port);
    struct station station;
    if (nfos_mac_is_group(destination)) return nfos_flood();
    if (!nfos_leased_map_get(&stations, destination, &station)) return nfos_flood();
    if (station.port == packet->port) return nfos_drop(SAME_PORT);
    return nfos_send_to(station.port);
}

/* Of a lease that has run out: how long its station is to be believed yet, or that it is not. */
static bool time_left(uint32_t lease, uint64_t *left) {
    if (!by_writing) return false;
    uint64_t last;
    nfos_vector_read(last_seen, lease, &last);
    uint64_t silent = nfos_ns_since(nfos_now(), last);
    *left = ageing - silent;
    return silent <= ageing;
}

/* Removes stations that have been silent for longer than the ageing time. */
static void periodic(uint32_t period) {
    (void)period;
    for (uint32_t removed = 0; removed < expire_max; removed++) {
        nfos_expired_lease expired;
        nfos_mac station;
        uint64_t left;
        if (!nfos_leased_map_next_expired(&stations, &expired, &station)) return;
        if (time_left(expired.id, &left)) {
            nfos_leased_map_refresh(&stations, expired.id, left);
        } else {
            nfos_leased_map_remove(&stations, expired.id, &station);
        }
    }
}

static const char *const refreshes[] = {"lease", "write", NULL};

static const nfos_parameter parameters[] = {
    {
        .name = "capacity",
        .help = "How many stations can be known at once.",
        .number = 65536,
        .first = 1,
        .last = 16777216,
        .relaxes = {{NFOS_CAPACITY, "stations*"}},
    },
    {
        .name = "ageing_ms",
        .help = "Milliseconds without a frame from a station after which it is forgotten.",
        .number = 120000,
        .first = 1,
        .last = 1000000000,
        .relaxes = {{NFOS_DURATION, "stations*"}},
    },
    {
        .name = "refresh_interval_ms",
        .help = "By how many milliseconds a station may be forgotten early, so that fewer of its "
                "frames renew it; at most half of `ageing_ms`.",
        .relaxes = {{NFOS_REFRESH_INTERVAL, "stations_leases"},
                    {NFOS_WRITE_INTERVAL, "last_seen"}},
    },
    {
        .name = "refresh",
        .help = "Where a station is renewed: its lease, or, to compare, a time that is read and "
                "written.",
        .type = NFOS_TEXT,
        .text = "lease",
        .choices = refreshes,
        .relaxes = {{NFOS_METHOD, "last_seen"}},
    },
    {
        .name = "period_ms",
        .help = "Milliseconds between two removals of stations that are forgotten.",
        .number = 10,
        .first = 1,
        .last = 60000,
    },
    {
        .name = "expire_max",
        .help = "How many of them are removed at once at most.",
        .number = 256,
        .first = 1,
        .last = 65536,
    },
    {0},
};

static const char *const reasons[] = {"bad_source", "reserved_group", "same_port", NULL};
static const char *const events[] = {"station_moved", "table_full", NULL};

const nfos_function nfos_network_function = {
    .name = "bridge",
    .summary = "Connects Ethernet segments, and learns which station is on which.",
    .ports = 2,
    .window = 14,
    .parameters = parameters,
    .reasons = reasons,
    .events = events,
    .init = init,
    .orphan_packet = orphan_packet,
    .periodic = periodic,
};
