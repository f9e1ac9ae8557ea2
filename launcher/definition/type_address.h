// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the interface, the addresses and related values of a network.
#ifndef LAUNCHER_DEFINITION_TYPE_ADDRESS_H
#define LAUNCHER_DEFINITION_TYPE_ADDRESS_H

#include "launcher/definition/type_words.h"

/* The target of each type. It is struct network if a value sets several fields of it. */
extern const struct type type_address_uplink;  /* char[IFNAMSIZ] */
extern const struct type type_address;         /* struct network */
extern const struct type type_address_range;   /* struct network */
extern const struct type type_address_gateway; /* struct network */
extern const struct type type_address_dns;     /* struct network */
extern const struct type
	type_address_configure;               /* unsigned int of enum configure bits, 0 for auto */
extern const struct type type_address_domain; /* char * */
extern const struct type type_address_mac;    /* struct network */
extern const struct type type_address_queues; /* unsigned int, 0 for auto */

/* The words of 'configure', without 'auto'. */
extern const struct words type_address_configure_words;

#endif
