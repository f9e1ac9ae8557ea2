// SPDX-License-Identifier: GPL-2.0-or-later
// Checks URLs of images: the part of RFC 3986 without ambiguity.
#ifndef LAUNCHER_DEFINITION_URL_H
#define LAUNCHER_DEFINITION_URL_H

#include <stdbool.h>

#define URL_MAX 2000

/* url_meant() - true if a text is meant as a URL, valid or not, because it has "://" in it. */
bool url_meant(const char *text);

/**
 * url_wrong() - check a URL.
 *
 * Allowed are http://HOST[:PORT]/PATH[?QUERY], https://... and file:///PATH. A host is a name of
 * letters, digits, '-' and '.', an IPv4 address, or an IPv6 address in brackets.
 *
 * Return: NULL for a valid URL, else the rest of a message that begins with the key's name.
 */
const char *url_wrong(const char *text);

#endif
