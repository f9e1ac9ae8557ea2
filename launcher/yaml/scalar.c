// SPDX-License-Identifier: GPL-2.0-or-later
// Converts the text of single values: numbers, sizes, durations, addresses, names.
#include "launcher/yaml/scalar.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

#define LETTERS  "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS   "0123456789"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "T", TIB }, { "TiB", TIB }, { "G", GIB }, { "GiB", GIB },
	{ "M", MIB }, { "MiB", MIB }, { "K", KIB }, { "KiB", KIB },
};

static const struct unit duration_units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 } };

/* Reads the digits at the beginning; returns the rest of the text, or NULL. */
static const char *leading_number(const char *text, uint64_t *number)
{
	size_t digits = strspn(text, DIGITS);
	uint64_t value = 0;

	if (digits == 0 || digits > 18 || (text[0] == '0' && digits > 1))
		return NULL;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	*number = value;
	return text + digits;
}

static bool with_unit(const char *text, const struct unit *units, size_t count, uint64_t limit,
		      uint64_t *value)
{
	uint64_t number;
	const char *name = leading_number(text, &number);

	if (!name)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, units[i].name))
			continue;
		if (number > limit / units[i].factor)
			return false;
		*value = number * units[i].factor;
		return true;
	}
	return false;
}

bool scalar_count(const char *text, uint64_t *count)
{
	uint64_t number;
	const char *rest = leading_number(text, &number);

	if (!rest || *rest)
		return false;
	*count = number;
	return true;
}

bool scalar_size(const char *text, uint64_t *bytes)
{
	return with_unit(text, size_units, ARRAY_SIZE(size_units), INT64_MAX, bytes);
}

bool scalar_duration(const char *text, unsigned int *seconds)
{
	uint64_t value = 0;

	if (strcmp(text, "0") &&
	    !with_unit(text, duration_units, ARRAY_SIZE(duration_units), INT32_MAX, &value))
		return false;
	*seconds = (unsigned int)value;
	return true;
}

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, digit | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

bool scalar_mac(const char *text, struct ether_addr *mac)
{
	struct ether_addr parsed;

	if (strnlen(text, ARP_MAC_TEXT_SIZE) != ARP_MAC_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < ETH_ALEN; i++) {
		int high = hex_digit(text[3 * i]);
		int low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0 || text[3 * i + 2] != (i < ETH_ALEN - 1 ? ':' : '\0'))
			return false;
		parsed.ether_addr_octet[i] = (uint8_t)(high << 4 | low);
	}
	*mac = parsed;
	return true;
}

bool scalar_range(const char *text, struct in_addr *first, struct in_addr *last)
{
	const char *dash = strchr(text, '-');
	char part[IPV4_TEXT_SIZE];
	struct in_addr parsed;

	if (!dash || (size_t)(dash - text) >= sizeof(part))
		return false;
	memcpy(part, text, (size_t)(dash - text));
	part[dash - text] = '\0';
	if (!ipv4_parse(part, &parsed) || !ipv4_parse(dash + 1, last))
		return false;
	*first = parsed;
	return true;
}

bool scalar_model(const char *text)
{
	size_t length = strnlen(text, 64);

	return length > 0 && length < 64 &&
	       strspn(text, LETTERS CAPITALS DIGITS "._+-") == length && text[0] != '-';
}

/* Returns the size of the label that begins text; 0 if it is none. */
static size_t label_size(const char *text)
{
	const size_t size = strspn(text, LETTERS CAPITALS DIGITS "-");

	return size <= LABEL_MAX && *text != '-' && (!size || text[size - 1] != '-') ? size : 0;
}

bool scalar_domain(const char *text)
{
	const char *label = text;
	size_t size;

	if (strlen(text) >= SCALAR_DOMAIN_SIZE)
		return false;
	while ((size = label_size(label)) && label[size] == '.')
		label += size + 1;
	/* A last label of digits is an address's and no name's. */
	return size && !label[size] && strspn(label, DIGITS) != size;
}

bool scalar_user(const char *text)
{
	size_t length = strnlen(text, 33);

	return length > 0 && length < 33 && strspn(text, LETTERS DIGITS "_-") == length &&
	       strchr(LETTERS "_", text[0]);
}

const char *scalar_size_text(uint64_t bytes, char text[SCALAR_SIZE_TEXT_SIZE])
{
	/* The names at even indexes have one letter. */
	for (size_t i = 0; i < ARRAY_SIZE(size_units); i += 2) {
		if (bytes % size_units[i].factor)
			continue;
		snprintf(text, SCALAR_SIZE_TEXT_SIZE, "%" PRIu64 "%s", bytes / size_units[i].factor,
			 size_units[i].name);
		return text;
	}
	assert(false);
	return "";
}

const char *scalar_mac_text(const struct ether_addr *mac, char text[ARP_MAC_TEXT_SIZE])
{
	const uint8_t *octet = mac->ether_addr_octet;

	snprintf(text, ARP_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", octet[0], octet[1],
		 octet[2], octet[3], octet[4], octet[5]);
	return text;
}
