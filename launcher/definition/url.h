// SPDX-License-Identifier: GPL-2.0-or-later
// URLs of images: what is allowed of RFC 3986, and nothing that two readers may read differently.
#ifndef LAUNCHER_DEFINITION_URL_H
#define LAUNCHER_DEFINITION_URL_H

#include <stdbool.h>

#define URL_MAX 2000

/* url_meant() - whether a text is meant to be a URL, well or badly: it has "://" in it. */
bool url_meant(const char *text);

/**
 * url_wrong() - what is wrong with a URL.
 *
 * Allowed are http://HOST[:PORT]/PATH[?QUERY], https://... and file:///PATH. A host is a name of
 * letters, digits, '-' and '.', an IPv4 address, or an IPv6 address in brackets.
 *
 * Return: NULL when nothing is, else the rest of a sentence that begins with the key's name.
 */
const char *url_wrong(const char *text);

#endif
