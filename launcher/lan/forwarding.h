// SPDX-License-Identifier: GPL-2.0-or-later
// Tells users what drops the guest's packets on this host, and what helps.
#ifndef LAUNCHER_LAN_FORWARDING_H
#define LAUNCHER_LAN_FORWARDING_H

#include "netsetup/base/error.h"
#include "netsetup/protocol/verdict.h"

#define FORWARDING_TEXT_SIZE 384

/* forwarding_word() - the verdict in one word: open, partly, closed, unknown. */
const char *forwarding_word(const struct verdict *verdict);

/* forwarding_fate() - the word for an enum verdict_fate. */
const char *forwarding_fate(uint8_t fate);

/* forwarding_owner() - the name of a culprit's program; NULL if its names do not tell it. */
const char *forwarding_owner(const struct verdict_culprit *culprit);

/**
 * forwarding_text() - write what drops which packets.
 *
 * Return: false, and an empty text, if nothing is known to be dropped.
 */
bool forwarding_text(const struct verdict *verdict, char text[FORWARDING_TEXT_SIZE]);

/**
 * forwarding_remedy() - add the commands that would have the packets pass.
 * @tap, @uplink: names of the interfaces; @tap is NULL for the taps of all VMs.
 */
void forwarding_remedy(const struct verdict *verdict, const char *tap, const char *uplink,
		       struct error *finding);

#endif
