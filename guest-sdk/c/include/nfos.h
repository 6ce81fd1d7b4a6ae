/* The SDK in which network functions are written in C and C++.
 *
 * An author writes handlers, each a plain function of one packet, and one constant,
 * nfos_network_function, that names them. The burst that the host hands over stays in here.
 *
 *   | to                                 | see               |
 *   |------------------------------------|-------------------|
 *   | name the handlers                  | nfos/function.h   |
 *   | read and change frames and headers | nfos/packet.h     |
 *   | share state between packets        | nfos/structures.h |
 *   | a map whose entries expire         | nfos/leased_map.h |
 *   | send, log, emit, tell the time     | nfos/effects.h    |
 *
 * The words are those of the SDK for Rust. Addresses, ports and lengths are in host order. */
#ifndef NFOS_H
#define NFOS_H

#include "nfos/effects.h"
#include "nfos/function.h"
#include "nfos/leased_map.h"
#include "nfos/packet.h"
#include "nfos/structures.h"

#endif
