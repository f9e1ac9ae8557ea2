// SPDX-License-Identifier: GPL-2.0-or-later
// The types of the values in one network: interfaces, addresses, and the words beside them.
#ifndef LAUNCHER_DEFINITION_TYPE_ADDRESS_H
#define LAUNCHER_DEFINITION_TYPE_ADDRESS_H

#include "launcher/definition/type_words.h"

/* Each type's target; struct network where the value takes more than one of its fields. */
extern const struct type type_uplink;    /* char[IFNAMSIZ] */
extern const struct type type_address;   /* struct in_addr, 0.0.0.0 for auto */
extern const struct type type_range;     /* struct network */
extern const struct type type_gateway;   /* struct network */
extern const struct type type_dns;       /* struct network */
extern const struct type type_configure; /* unsigned int of enum configure bits, 0 for auto */
extern const struct type type_mac;       /* struct network */
extern const struct type type_queues;    /* unsigned int, 0 for auto */

/* The words of 'configure' beside 'auto'. */
extern const struct words configure_words;

#endif
