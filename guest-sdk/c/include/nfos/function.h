/* The network function as its author writes it: handlers over one packet at a time. */
#ifndef NFOS_FUNCTION_H
#define NFOS_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds in a millisecond and in a second. */
#define NFOS_MILLISECOND 1000000ull
#define NFOS_SECOND 1000000000ull

/* IP protocol numbers. */
enum { NFOS_ICMP = 1, NFOS_TCP = 6, NFOS_UDP = 17 };

/* A header field of a packet-set key. */
typedef enum nfos_field {
    NFOS_SOURCE_MAC = 1,
    NFOS_DESTINATION_MAC,
    NFOS_SOURCE_ADDRESS,
    NFOS_DESTINATION_ADDRESS,
    NFOS_PROTOCOL,
    NFOS_SOURCE_PORT,
    NFOS_DESTINATION_PORT,
} nfos_field;

/* The fields of a conversation, and of its answers. */
#define NFOS_FIVE_TUPLE                                                                         \
    {NFOS_SOURCE_ADDRESS, NFOS_DESTINATION_ADDRESS, NFOS_SOURCE_PORT, NFOS_DESTINATION_PORT,    \
     NFOS_PROTOCOL}
#define NFOS_ANSWERING_FIVE_TUPLE                                                               \
    {NFOS_DESTINATION_ADDRESS, NFOS_SOURCE_ADDRESS, NFOS_DESTINATION_PORT, NFOS_SOURCE_PORT,    \
     NFOS_PROTOCOL}

/* The layer at which a rule reads its fields. */
typedef enum nfos_layer {
    NFOS_ETHERNET, /* every frame with an Ethernet header */
    NFOS_IPV4,     /* untagged IPv4; no fragments, if the key has ports */
    NFOS_IPV6,     /* untagged IPv6 without extension headers */
} nfos_layer;

/* A port in `nfos_rule.ports`. */
#define NFOS_PORT(port) (1ull << (port))

/* Which packets a rule is about, and the key that it reads from them. Lists end at their first
 * zero. */
typedef struct nfos_rule {
    nfos_layer layer;
    nfos_field key[8];    /* in this order; none: no rule */
    uint64_t ports;       /* NFOS_PORT(0) | NFOS_PORT(1); 0: all */
    uint8_t protocols[8]; /* none: all; a key with ports wants some of NFOS_TCP, NFOS_UDP */
    bool symmetric;       /* both directions of a conversation, seen at one port, are one set */
} nfos_rule;

enum { NFOS_RULES_MAX = 8 };

/* The packets that share state: those whose keys have equal bytes. The first rule that a packet
 * fits decides. */
typedef struct nfos_packet_set {
    const char *name;
    nfos_rule rules[NFOS_RULES_MAX]; /* up to the first without a key */
} nfos_packet_set;

/* What of a structure a parameter sets. */
typedef enum nfos_setting {
    NFOS_CAPACITY,         /* for how many elements, keys or ids there is room */
    NFOS_DURATION,         /* for how long leases or entries are valid */
    NFOS_REFRESH_INTERVAL, /* by how much a refresh must prolong a lease */
    NFOS_STALENESS,        /* how old a merged value may be */
    NFOS_WRITE_INTERVAL,   /* how much time lies between two writes */
    NFOS_METHOD,           /* in which of several ways the structure is used */
} nfos_setting;

/* Ties a parameter to a setting of the structure that is opened under the name; one that ends in
 * `*` means all that begin like it. Where a conflict on the structure is relaxed by the setting,
 * reports name the parameter with a value to try. */
typedef struct nfos_relaxation {
    nfos_setting setting;
    const char *structure;
} nfos_relaxation;

/* Something the operator may set. Its type is that of the one default that is given. */
typedef struct nfos_parameter {
    const char *name;
    const char *help;                  /* one sentence */
    enum { NFOS_UNSIGNED, NFOS_BOOLEAN, NFOS_TEXT } type;
    uint64_t number;                   /* the default of a number, or a boolean */
    uint64_t first, last;              /* its range; last 0: any number */
    const char *text;                  /* the default of a text */
    const char *const *choices;        /* the texts it may be, up to NULL; NULL: any text */
    nfos_relaxation relaxes[4];        /* up to the first without a structure */
} nfos_parameter;

/* What depends on the parameters. `init` fills it in; it is all zero before but for `capacity`. */
typedef struct nfos_configuration {
    uint64_t idle_timeout; /* nanoseconds without a packet after which a set expires; 0: never */
    uint32_t capacity;     /* packet sets there is room for; 65,536 */
    uint64_t periods[16];  /* nanoseconds between periodic events, up to the first 0 */
} nfos_configuration;

/* Of `nfos_function.window`. */
#define NFOS_WHOLE_FRAME UINT32_MAX

/* A network function.
 *
 * Every handler appears to run alone and at once, on any number of cores. The host may run one
 * again after undoing all that it did, so a handler needs no precaution but this one: what it
 * leaves in a global variable may vanish. Set globals in `init` alone; state lives in the
 * packet-set state and in the structures that `init` opens.
 *
 * A handler that is left out costs nothing. `state` points to `state_size` bytes, aligned to 8,
 * which are all zero for a new set. */
typedef struct nfos_function {
    const char *name;    /* lower-case letters, digits and hyphens */
    const char *summary; /* one sentence */
    uint16_t ports;      /* the least number of ports it works with; 0 is taken as 1 */
    uint32_t window;     /* leading bytes of a frame that handlers see; 0 is taken as 128 */
    uint32_t headroom;   /* bytes by which a frame may grow at its front, at most 128 */
    uint32_t state_size; /* bytes that each packet set remembers */
    const nfos_parameter *parameters;   /* up to the first without a name, as the next two */
    const nfos_packet_set *packet_sets; /* the first that a packet fits decides */
    const nfos_rule *orphans;           /* which orphans must meet one worker; as nfos_packet_set */
    const char *const *reasons;         /* its own drop reasons, up to NULL */
    const char *const *events;          /* the events it emits, up to NULL */

    /* Opens the structures and computes what stays. */
    void (*init)(nfos_configuration *configuration);
    /* The first packet of a set that has no state yet. */
    nfos_verdict (*init_packet_set)(nfos_packet *packet, void *state);
    /* A packet of a set that has state. */
    nfos_verdict (*packet)(nfos_packet *packet, void *state);
    /* A packet set has been idle for longer than the time-out: its last event. */
    void (*expired_packet_set)(const void *state);
    /* A packet that fits no packet set. */
    nfos_verdict (*orphan_packet)(nfos_packet *packet);
    /* The interval `period` of `configuration.periods` has passed. */
    void (*periodic)(uint32_t period);
    /* The last words. */
    void (*exit)(void);
} nfos_function;

/* Every network function defines it. */
extern const nfos_function nfos_network_function;

/* The value of a parameter, in `init` only. It has the type of its default and obeys its range or
 * its choices: the host has checked it. A text ends with a zero byte and stays. */
uint64_t nfos_parameter_unsigned(const char *name);
bool nfos_parameter_boolean(const char *name);
const char *nfos_parameter_text(const char *name);

#ifdef __cplusplus
}
#endif
#endif
