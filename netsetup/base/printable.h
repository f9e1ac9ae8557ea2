// SPDX-License-Identifier: GPL-2.0-or-later
// Escapes untrusted octets (SSIDs, interface names) for a terminal or a shell.
#ifndef NETSETUP_BASE_PRINTABLE_H
#define NETSETUP_BASE_PRINTABLE_H

#include <stddef.h>

/* Size of the text of @count octets with its NUL: each octet may become "\xNN". */
#define PRINTABLE_SIZE(count) ((count)*4 + 1)

/* An SSID has 0 to SSID_MAX octets (IEEE 802.11-2020, 9.4.2.2). */
#define SSID_MAX       32
#define SSID_TEXT_SIZE PRINTABLE_SIZE(SSID_MAX)

/**
 * printable() - write octets as text: visible ASCII and spaces unchanged, each other octet and the
 * backslash as "\xNN". No escape sequence reaches a terminal, and two different inputs never give
 * the same text.
 * @octets: @count octets of any value, NUL included.
 * @text: PRINTABLE_SIZE(count) octets.
 *
 * Return: text.
 */
const char *printable(const void *octets, size_t count, char *text);

/* Size of a quoted word of @count octets with its NUL. */
#define PRINTABLE_WORD_SIZE(count) ((count) + 3)

/**
 * printable_word() - write a text as one word for a shell. Threat: users paste commands that vmrun
 * prints, and the kernel accepts an interface name such as "a;id".
 * @word: visible ASCII without quotes, as ifname_valid() demands.
 * @text: PRINTABLE_WORD_SIZE(strlen(word)) octets.
 *
 * Return: text; in single quotes if @word has a character that a shell may interpret.
 */
const char *printable_word(const char *word, char *text);

#endif
