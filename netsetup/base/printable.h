// SPDX-License-Identifier: GPL-2.0-or-later
// Octets that strangers chose (SSIDs, interface names) as text that is safe on a terminal.
#ifndef NETSETUP_BASE_PRINTABLE_H
#define NETSETUP_BASE_PRINTABLE_H

#include <stddef.h>

/* Room for the text of so many octets, with its NUL: every octet may become "\xNN". */
#define PRINTABLE_SIZE(count) ((count)*4 + 1)

/* An SSID has 0 to SSID_MAX octets (IEEE 802.11-2020, 9.4.2.2); the room for its text. */
#define SSID_MAX       32
#define SSID_TEXT_SIZE PRINTABLE_SIZE(SSID_MAX)

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

/* Room for a text of so many octets, with its NUL: two quotes, and the rest as it is. */
#define PRINTABLE_WORD_SIZE(count) ((count) + 3)

/**
 * printable_word() - write a text as one word for a shell: a command that is shown may be pasted. A
 * name such as "a;id" is one that the kernel takes.
 * @word: visible ASCII without quotes, as ifname_valid() has it.
 * @text: room for PRINTABLE_WORD_SIZE(its length).
 *
 * Return: text; in single quotes when it has anything that a shell reads otherwise.
 */
const char *printable_word(const char *word, char *text);

#endif
