// SPDX-License-Identifier: GPL-2.0-or-later
// Checks URLs of images: the part of RFC 3986 without ambiguity.
#include "launcher/definition/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* Maximum length of a DNS name (RFC 1035, section 2.3.4). */
#define HOST_MAX 253

bool url_meant(const char *text)
{
	return strstr(text, "://") != NULL;
}

/* Allows the characters of RFC 3986, section 2, without '#', and '%' with two digits. */
static const char *characters_wrong(const char *text)
{
	static const char others[] = "-._~:/?[]@!$&'()*+,;=";

	for (const char *at = text; *at; at++) {
		if (isascii((unsigned char)*at) &&
		    (isalnum((unsigned char)*at) || strchr(others, *at)))
			continue;
		if (*at == '#')
			return "must be a URL without a fragment ('#')";
		if (*at != '%')
			return "must be a URL of letters, digits and -._~:/?[]@!$&'()*+,;= only; "
			       "write others as '%' and two hexadecimal digits";
		if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
			return "must have two hexadecimal digits after '%'";
		if (at[1] == '0' && at[2] == '0')
			return "must not have '%00' in it";
	}
	return NULL;
}

static bool port_valid(const char *text, size_t length)
{
	unsigned long port;

	if (length == 0 || length > 5 || strspn(text, "0123456789") < length)
		return false;
	port = strtoul(text, NULL, 10);
	return port >= 1 && port <= 65535 && text[0] != '0';
}

static bool name_valid(const char *text, size_t length)
{
	if (length == 0 || length > HOST_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		const bool label_end = i == 0 || text[i - 1] == '.' || i + 1 == length ||
				       text[i + 1] == '.';

		if (isalnum((unsigned char)text[i]))
			continue;
		if (i == 0 || (text[i] != '-' && text[i] != '.') || (label_end && text[i] == '-'))
			return false;
		if (text[i] == '.' && text[i - 1] == '.')
			return false;
	}
	return true;
}

static bool address_valid(int family, const char *text, size_t length)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	return inet_pton(family, address, &ignored) == 1;
}

/* A host of digits and dots must be a dotted quad: some readers take "127.1" for an address. */
static bool numbers_valid(const char *text, size_t length)
{
	return strspn(text, "0123456789.") < length || address_valid(AF_INET, text, length);
}

/* @text: URL behind the "//"; @length: bytes up to its path. */
static const char *host_wrong(const char *text, size_t length)
{
	const char *colon;
	size_t host;

	if (memchr(text, '@', length))
		return "must be a URL without a user name or password";
	if (length && text[0] == '[') {
		const char *end = memchr(text, ']', length);

		if (!end || !address_valid(AF_INET6, text + 1, (size_t)(end - text - 1)))
			return "must have an IPv6 address in the URL's brackets";
		host = (size_t)(end + 1 - text);
		colon = host < length ? text + host : NULL;
		if (colon && *colon != ':')
			return "must have a valid host in the URL";
	} else {
		colon = memchr(text, ':', length);
		host = colon ? (size_t)(colon - text) : length;
		if (!name_valid(text, host) || !numbers_valid(text, host))
			return "must have a valid host in the URL";
	}
	if (colon && !port_valid(colon + 1, length - host - 1))
		return "must have a port from 1 to 65535 in the URL, or none";
	return NULL;
}

const char *url_wrong(const char *text)
{
	static const struct {
		const char *start;
		bool host;
	} schemes[] = { { "https://", true }, { "http://", true }, { "file://", false } };
	const char *wrong;

	if (strlen(text) > URL_MAX)
		return "must be a URL of at most 2000 bytes";
	wrong = characters_wrong(text);
	if (wrong)
		return wrong;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		const char *rest = text + strlen(schemes[i].start);
		size_t length;

		if (strncmp(text, schemes[i].start, strlen(schemes[i].start)) != 0)
			continue;
		length = strcspn(rest, "/?");
		if (!schemes[i].host)
			return length || !rest[0] || strchr(rest, '?')
				       ? "must be file:// and an absolute path"
				       : NULL;
		wrong = host_wrong(rest, length);
		if (wrong)
			return wrong;
		return rest[length] == '/' && rest[length + 1] ? NULL
							       : "must name a file in the URL";
	}
	return "must be a URL that begins with https://, http:// or file://";
}
