// SPDX-License-Identifier: GPL-2.0-or-later
// Octets that strangers chose (SSIDs, interface names) as text that is safe on a terminal.
#ifndef NETSETUP_PRINTABLE_H
#define NETSETUP_PRINTABLE_H

#include <stddef.h>

/* Room for the text of so many octets, with its NUL: every octet may become "\xNN". */
#define PRINTABLE_SIZE(count) ((count)*4 + 1)

/**
 * printable() - write octets as text: visible ASCII and spaces as they are, every other octet and
 * the backslash as "\xNN", so that no escape sequence reaches a terminal and no two differing
 * inputs give the same text.
 * @octets: any octets, also NUL.
 * @count: how many.
 * @text: room for PRINTABLE_SIZE(count).
 *
 * Return: text.
 */
const char *printable(const void *octets, size_t count, char *text);

#endif
