/* What a network function says of itself, from its constant to the records of the contract.
 *
 * Everything is allocated and nothing freed: `describe` runs in an instance of its own. */
#include <stdlib.h>
#include <string.h>

#include "../include/nfos.h"

static void *allocate(size_t count, size_t size) {
    void *at = calloc(count, size);
    if (at == NULL) nfos_panic("no memory is left for the description");
    return at;
}

static nf_string_t text(const char *text) {
    nf_string_t copy;
    nf_string_dup(&copy, text == NULL ? "" : text);
    return copy;
}

static size_t texts(const char *const *list) {
    size_t count = 0;
    while (list != NULL && list[count] != NULL) count++;
    return count;
}

static nf_list_string_t names(const char *const *first, const char *const *then) {
    size_t before = texts(first), count = before + texts(then);
    nf_list_string_t list = {allocate(count, sizeof(nf_string_t)), count};
    for (size_t at = 0; at < count; at++)
        list.ptr[at] = text(at < before ? first[at] : then[at - before]);
    return list;
}

static nf_list_u16_t ports(uint64_t set) {
    nf_list_u16_t list = {allocate(64, sizeof(uint16_t)), 0};
    for (uint16_t port = 0; port < 64; port++)
        if (set >> port & 1) list.ptr[list.len++] = port;
    return list;
}

static nfos_nf_types_rule_t rule(const nfos_rule *from) {
    nfos_nf_types_rule_t to = {.ports = ports(from->ports), .layer = from->layer};
    to.symmetric = from->symmetric;
    to.protocols.ptr = allocate(8, 1);
    while (to.protocols.len < 8 && from->protocols[to.protocols.len] != 0) {
        to.protocols.ptr[to.protocols.len] = from->protocols[to.protocols.len];
        to.protocols.len++;
    }
    to.key.ptr = allocate(8, 1);
    while (to.key.len < 8 && from->key[to.key.len] != 0) {
        to.key.ptr[to.key.len] = (nfos_nf_types_field_t)(from->key[to.key.len] - 1);
        to.key.len++;
    }
    return to;
}

static nfos_nf_types_list_rule_t rules(const nfos_rule *from, size_t most) {
    size_t count = 0;
    while (from != NULL && count < most && from[count].key[0] != 0) count++;
    nfos_nf_types_list_rule_t list = {allocate(count, sizeof(nfos_nf_types_rule_t)), count};
    for (size_t at = 0; at < count; at++) list.ptr[at] = rule(&from[at]);
    return list;
}

static nfos_nf_types_list_packet_set_t packet_sets(const nfos_packet_set *from) {
    size_t count = 0;
    while (from != NULL && from[count].name != NULL) count++;
    nfos_nf_types_list_packet_set_t list = {
        allocate(count, sizeof(nfos_nf_types_packet_set_t)), count};
    for (size_t at = 0; at < count; at++) {
        list.ptr[at].name = text(from[at].name);
        list.ptr[at].rules = rules(from[at].rules, NFOS_RULES_MAX);
    }
    return list;
}

static nfos_nf_types_list_relaxation_t relaxations(const nfos_relaxation *from) {
    nfos_nf_types_list_relaxation_t list = {
        allocate(4, sizeof(nfos_nf_types_relaxation_t)), 0};
    for (; list.len < 4 && from[list.len].structure != NULL; list.len++) {
        list.ptr[list.len].setting = (nfos_nf_types_setting_t)from[list.len].setting;
        list.ptr[list.len].structure = text(from[list.len].structure);
    }
    return list;
}

static nfos_nf_types_parameter_t parameter(const nfos_parameter *from) {
    nfos_nf_types_parameter_t to = {.name = text(from->name), .help = text(from->help)};
    to.default_.tag = from->type;
    to.relaxes = relaxations(from->relaxes);
    switch (from->type) {
        case NFOS_UNSIGNED:
            to.default_.val.unsigned_ = from->number;
            if (from->last == 0) break;
            to.constraint.tag = NFOS_NF_TYPES_CONSTRAINT_RANGE;
            to.constraint.val.range = (nf_tuple2_u64_u64_t){from->first, from->last};
            break;
        case NFOS_BOOLEAN:
            to.default_.val.boolean = from->number != 0;
            break;
        case NFOS_TEXT:
            to.default_.val.text = text(from->text);
            if (from->choices == NULL) break;
            to.constraint.tag = NFOS_NF_TYPES_CONSTRAINT_CHOICES;
            to.constraint.val.choices = names(from->choices, NULL);
            break;
    }
    return to;
}

static nfos_nf_types_list_parameter_t parameters(const nfos_parameter *from) {
    size_t count = 0;
    while (from != NULL && from[count].name != NULL) count++;
    nfos_nf_types_list_parameter_t list = {
        allocate(count, sizeof(nfos_nf_types_parameter_t)), count};
    for (size_t at = 0; at < count; at++) list.ptr[at] = parameter(&from[at]);
    return list;
}

static nfos_nf_types_list_event_kind_t handles(const nfos_function *nf) {
    const bool handled[] = {nf->init_packet_set != NULL, nf->packet != NULL,
                            nf->expired_packet_set != NULL, nf->orphan_packet != NULL,
                            nf->periodic != NULL};
    nfos_nf_types_list_event_kind_t list = {allocate(5, 1), 0};
    for (uint8_t kind = 0; kind < 5; kind++)
        if (handled[kind]) list.ptr[list.len++] = kind;
    return list;
}

void exports_nfos_nf_handlers_describe(exports_nfos_nf_handlers_description_t *ret) {
    static const char *const frame_reasons[] = {
        "truncated",   "not_ipv4",             "malformed_ip", "fragment", "malformed_l4",
        "ttl_expired", "unsupported_protocol", NULL,
    };
    const nfos_function *nf = &nfos_network_function;
    *ret = (exports_nfos_nf_handlers_description_t){
        .name = text(nf->name),
        .summary = text(nf->summary),
        .ports = nf->ports == 0 ? 1 : nf->ports,
        .handles = handles(nf),
        .packet_sets = packet_sets(nf->packet_sets),
        .orphans = rules(nf->orphans, 255),
        .state_size = nf->state_size,
        .window = nf->window == 0 ? 128 : nf->window == NFOS_WHOLE_FRAME ? 0 : nf->window,
        .headroom = nf->headroom,
        .parameters = parameters(nf->parameters),
        .drop_reasons = names(frame_reasons, nf->reasons),
        .events = names(nf->events, NULL),
    };
}
