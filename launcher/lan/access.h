// SPDX-License-Identifier: GPL-2.0-or-later
// Names problems of the access point with the guest's address, and remedies.
#ifndef LAUNCHER_LAN_ACCESS_H
#define LAUNCHER_LAN_ACCESS_H

#include <stdbool.h>

#include "netsetup/base/modes.h"
#include "netsetup/protocol/protocol.h"

#define ACCESS_TEXT_SIZE 320

/* access_word() - the result in one word: unknown, open, answered, hidden, refused. */
const char *access_word(enum access_result access);

/**
 * access_text() - write the problem that keeps packets or requests from the guest, and the remedy.
 * @promiscuous: of the definition.
 *
 * Return: false, and an empty text, if there is none or nothing is known.
 */
bool access_text(enum access_result access, enum promiscuous_mode promiscuous,
		 char text[ACCESS_TEXT_SIZE]);

#endif
