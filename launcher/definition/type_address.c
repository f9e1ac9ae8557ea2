// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the interface, the addresses and related values of a network.
#include "launcher/definition/type_address.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

static const struct word configure_ways[] = {
	{ "cmdline", CONFIGURE_CMDLINE },
	{ "cloud-init", CONFIGURE_CLOUD_INIT },
	{ "dhcp", CONFIGURE_DHCP },
	{ "credentials", CONFIGURE_CREDENTIALS },
};

const struct words type_address_configure_words = { configure_ways, ARRAY_SIZE(configure_ways) };

static const struct word gateway_modes[] = {
	{ "router", GATEWAY_ROUTER },
	{ "host", GATEWAY_HOST },
};

static const struct words gateway_words = { gateway_modes, ARRAY_SIZE(gateway_modes) };

static const char *nearest(const struct words *words, const char *text)
{
	return text_nearest(text, words->words, words->count, sizeof(*words->words));
}

static bool is_auto(const struct node *node)
{
	return node->kind == NODE_SCALAR && !strcmp(node->text, "auto");
}

static struct json_object *text_or_auto(const char *text)
{
	return json_object_new_string(text ? text : "auto");
}

/* Reads 'auto', one value or a list of values; @type->read adds each value to @target. */
static void read_each(struct loader *loader, const struct key *key, const struct node *node,
		      const struct type *type, unsigned int max, void *target)
{
	const struct key entry = { .type = type };

	if (is_auto(node))
		return;
	if (node->kind == NODE_SCALAR) {
		type->read(loader, key, node, target);
		return;
	}
	if (node->count == 0)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be empty",
				key->name);
	for (unsigned int i = 0; i < node->count && i < max; i++)
		schema_read_entry(loader, key, &entry, node->items[i], i, target);
	if (node->count > max)
		diagnostics_add(loader->diagnostics, &node->items[max]->location,
				"'%s' has more than %u entries", key->name, max);
}

static void read_uplink(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	if (is_auto(node))
		memset(target, 0, IFNAMSIZ);
	else if (ifname_valid(node->text))
		memcpy(target, node->text, strlen(node->text) + 1);
	else
		schema_refuse(loader, key, node);
}

static struct json_object *write_uplink(const struct key *key, const void *target)
{
	const char *ifname = target;

	return text_or_auto(ifname[0] ? ifname : NULL);
}

const struct type type_address_uplink = { NODE_SCALAR, "auto or the name of an interface", NULL,
					  read_uplink, write_uplink };

static void refuse_host(struct loader *loader, const struct key *key, const struct node *node)
{
	diagnostics_add(loader->diagnostics, &node->location,
			"'%s' must be an address that a host can have, not '%s'", key->name,
			node->text);
}

/* Reads a unicast address. For one with a prefix length, a common mistake, suggests it without. */
static bool host_address(struct loader *loader, const struct key *key, const struct node *node,
			 struct in_addr *address)
{
	char cut[IPV4_TEXT_SIZE];
	struct in_addr parsed;

	if (ipv4_parse(node->text, &parsed)) {
		if (ipv4_unicast(parsed)) {
			*address = parsed;
			return true;
		}
		refuse_host(loader, key, node);
		return false;
	}
	snprintf(cut, sizeof(cut), "%.*s", (int)strcspn(node->text, "/"), node->text);
	schema_refuse_meant(loader, key, node,
			    ipv4_parse(cut, &parsed) && ipv4_unicast(parsed) ? cut : NULL);
	return false;
}

/* Reads "ADDRESS/LENGTH"; returns false for any other text. */
static bool read_prefix(const char *text, struct prefix *prefix)
{
	const size_t length = strcspn(text, "/");
	char address[IPV4_TEXT_SIZE];
	uint64_t bits;

	if (!text[length] || !scalar_count(text + length + 1, &bits) || bits > 32)
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)length, text);
	prefix->length = (unsigned int)bits;
	return ipv4_parse(address, &prefix->address);
}

/* Only a private network has a prefix length here; validate.c checks that. */
static void read_address(struct loader *loader, const struct key *key, const struct node *node,
			 void *target)
{
	struct network *network = target;
	struct prefix prefix;

	if (is_auto(node))
		return;
	if (!read_prefix(node->text, &prefix)) {
		host_address(loader, key, node, &network->address);
	} else if (!ipv4_unicast(prefix.address) || !ipv4_prefix_host(&prefix, prefix.address)) {
		refuse_host(loader, key, node);
	} else {
		network->address = prefix.address;
		network->prefix_length = prefix.length;
	}
}

static struct json_object *write_address(const struct key *key, const void *target)
{
	const struct network *network = target;
	const struct prefix prefix = { network->address, network->prefix_length };
	char text[IPV4_TEXT_SIZE];

	if (ipv4_unset(network->address))
		return text_or_auto(NULL);
	return text_or_auto(prefix.length ? ipv4_prefix_text(&prefix, text)
					  : ipv4_text(prefix.address, text));
}

const struct type type_address = { NODE_SCALAR, "auto or an IPv4 address such as 192.168.1.10",
				   NULL, read_address, write_address };

static void read_range(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	struct network *network = target;
	struct in_addr first, last;

	if (is_auto(node))
		return;
	if (!scalar_range(node->text, &first, &last)) {
		schema_refuse(loader, key, node);
	} else if (!ipv4_unicast(first) || !ipv4_unicast(last)) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be of addresses that a host can have, not '%s'",
				key->name, node->text);
	} else if (ntohl(first.s_addr) > ntohl(last.s_addr)) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' ends before it begins: '%s'", key->name, node->text);
	} else {
		network->range_first = first;
		network->range_last = last;
	}
}

static struct json_object *write_range(const struct key *key, const void *target)
{
	const struct network *network = target;
	char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE], text[2 * IPV4_TEXT_SIZE];

	if (ipv4_unset(network->range_first))
		return text_or_auto(NULL);
	snprintf(text, sizeof(text), "%s-%s", ipv4_text(network->range_first, first),
		 ipv4_text(network->range_last, last));
	return json_object_new_string(text);
}

const struct type type_address_range = {
	NODE_SCALAR, "auto or a range such as 192.168.1.200-192.168.1.220", NULL, read_range,
	write_range,
};

static void expect_gateway(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	type_words_enumerate(&gateway_words, "an IPv4 address", text);
}

static void read_gateway(struct loader *loader, const struct key *key, const struct node *node,
			 void *target)
{
	struct network *network = target;
	const struct word *word = type_words_find(&gateway_words, node->text);
	const char *meant = nearest(&gateway_words, node->text);

	if (word)
		network->gateway_mode = (enum gateway_mode)word->value;
	else if (meant)
		schema_refuse_meant(loader, key, node, meant);
	else if (host_address(loader, key, node, &network->gateway))
		network->gateway_mode = GATEWAY_ADDRESS;
}

static struct json_object *write_gateway(const struct key *key, const void *target)
{
	const struct network *network = target;
	char text[IPV4_TEXT_SIZE];

	if (network->gateway_mode == GATEWAY_ADDRESS)
		return json_object_new_string(ipv4_text(network->gateway, text));
	return json_object_new_string(type_words_name(&gateway_words, network->gateway_mode));
}

const struct type type_address_gateway = { NODE_SCALAR, NULL, expect_gateway, read_gateway,
					   write_gateway };

static void read_server(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	struct network *network = target;

	if (host_address(loader, key, node, &network->dns[network->dns_count]))
		network->dns_count++;
}

static const struct type type_server = { NODE_SCALAR, "an IPv4 address such as 192.168.1.1", NULL,
					 read_server, NULL };

static void read_dns(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	read_each(loader, key, node, &type_server, DNS_MAX, target);
}

static struct json_object *write_dns(const struct key *key, const void *target)
{
	const struct network *network = target;
	struct json_object *array;
	char text[IPV4_TEXT_SIZE];

	if (!network->dns_count)
		return text_or_auto(NULL);
	array = json_object_new_array();
	for (unsigned int i = 0; array && i < network->dns_count; i++)
		schema_write_entry(&array,
				   json_object_new_string(ipv4_text(network->dns[i], text)));
	return array;
}

const struct type type_address_dns = { NODE_SCALAR | NODE_LIST,
				       "auto, an IPv4 address or a list of them", NULL, read_dns,
				       write_dns };

static void read_domain(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	type_text_keep_valid(loader, key, node, scalar_domain(node->text), target);
}

const struct type type_address_domain = { NODE_SCALAR, "a domain such as lab.example.org", NULL,
					  read_domain, type_text_write };

static void expect_way(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	type_words_enumerate(&type_address_configure_words, NULL, text);
}

static void read_way(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	const struct word *word = type_words_find(&type_address_configure_words, node->text);
	unsigned int *ways = target;

	if (!word)
		schema_refuse_meant(loader, key, node,
				    nearest(&type_address_configure_words, node->text));
	else if (*ways & word->value)
		diagnostics_add(loader->diagnostics, &node->location, "'%s' is there twice",
				word->name);
	else
		*ways |= word->value;
}

static const struct type type_way = { NODE_SCALAR, NULL, expect_way, read_way, NULL };

static void read_configure(struct loader *loader, const struct key *key, const struct node *node,
			   void *target)
{
	read_each(loader, key, node, &type_way, UINT_MAX, target);
}

static struct json_object *write_configure(const struct key *key, const void *target)
{
	unsigned int ways = *(const unsigned int *)target;
	struct json_object *array;

	if (!ways)
		return text_or_auto(NULL);
	array = json_object_new_array();
	for (size_t i = 0; array && i < type_address_configure_words.count; i++)
		if (ways & type_address_configure_words.words[i].value)
			schema_write_entry(
				&array,
				json_object_new_string(type_address_configure_words.words[i].name));
	return array;
}

const struct type type_address_configure = {
	NODE_SCALAR | NODE_LIST,
	"auto or a list of cmdline, cloud-init, dhcp and credentials",
	NULL,
	read_configure,
	write_configure,
};

static void read_mac(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	static const struct ether_addr zero;
	struct network *network = target;
	char guess[ARP_MAC_TEXT_SIZE];
	struct ether_addr mac;

	network->mac_auto = is_auto(node);
	if (network->mac_auto)
		return;
	if (!scalar_mac(node->text, &mac)) {
		snprintf(guess, sizeof(guess), "%s", node->text);
		for (char *dash = guess; (dash = strchr(dash, '-'));)
			*dash = ':';
		schema_refuse_meant(loader, key, node,
				    strlen(node->text) < sizeof(guess) && scalar_mac(guess, &mac)
					    ? guess
					    : NULL);
	} else if (mac.ether_addr_octet[0] & 1) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must not be a group address: its first octet must be even",
				key->name);
	} else if (!memcmp(&mac, &zero, sizeof(mac))) {
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be all zero",
				key->name);
	} else {
		network->mac = mac;
	}
}

static struct json_object *write_mac(const struct key *key, const void *target)
{
	const struct network *network = target;
	char text[ARP_MAC_TEXT_SIZE];

	return json_object_new_string(scalar_mac_text(&network->mac, text));
}

const struct type type_address_mac = { NODE_SCALAR,
				       "auto or a MAC address such as 52:54:00:12:34:56", NULL,
				       read_mac, write_mac };

static void expect_queues(const struct key *key, char text[SCHEMA_EXPECTED_SIZE])
{
	snprintf(text, SCHEMA_EXPECTED_SIZE, "auto or a whole number from 1 to %d", QUEUES_MAX);
}

static void read_queues(struct loader *loader, const struct key *key, const struct node *node,
			void *target)
{
	uint64_t count;

	if (is_auto(node))
		return;
	if (scalar_count(node->text, &count) && count >= 1 && count <= QUEUES_MAX)
		*(unsigned int *)target = (unsigned int)count;
	else
		schema_refuse(loader, key, node);
}

static struct json_object *write_queues(const struct key *key, const void *target)
{
	unsigned int count = *(const unsigned int *)target;

	return count ? json_object_new_int64(count) : text_or_auto(NULL);
}

const struct type type_address_queues = { NODE_SCALAR, NULL, expect_queues, read_queues,
					  write_queues };
