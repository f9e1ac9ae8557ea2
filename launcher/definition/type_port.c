// SPDX-License-Identifier: GPL-2.0-or-later
// Reads entries of 'ports', which QEMU forwards to the guest.
#include "launcher/definition/type_port.h"

#include <stdio.h>
#include <string.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/machine.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

static bool parse_number(const char *text, uint16_t *port)
{
	uint64_t number;

	if (!scalar_count(text, &number) || number < 1 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

/* Reads a unicast or loopback address, or 0.0.0.0 for all addresses of this host. */
static bool parse_address(const char *text, struct in_addr *address)
{
	struct in_addr parsed;

	if (!ipv4_parse(text, &parsed))
		return false;
	if (!ipv4_unset(parsed) && !ipv4_unicast(parsed) && ntohl(parsed.s_addr) >> 24 != 127)
		return false;
	*address = parsed;
	return true;
}

/* Cuts a text at the last @character; returns the part behind it, or NULL. */
static char *cut_last(char *text, char character)
{
	char *at = strrchr(text, character);

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

bool type_port_parse(const char *text, struct port *port)
{
	struct port parsed = { .address.s_addr = htonl(INADDR_LOOPBACK) };
	char copy[TYPE_PORT_TEXT_SIZE];
	char *protocol, *guest, *host;

	if (strnlen(text, sizeof(copy)) == sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	protocol = cut_last(copy, '/');
	if (protocol && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
		return false;
	parsed.udp = protocol && !strcmp(protocol, "udp");
	guest = cut_last(copy, ':');
	if (!guest || !parse_number(guest, &parsed.guest))
		return false;
	host = cut_last(copy, ':');
	if (host && !parse_address(copy, &parsed.address))
		return false;
	if (!parse_number(host ? host : copy, &parsed.host))
		return false;
	*port = parsed;
	return true;
}

const char *type_port_text(const struct port *port, char text[TYPE_PORT_TEXT_SIZE])
{
	char address[IPV4_TEXT_SIZE];

	snprintf(text, TYPE_PORT_TEXT_SIZE, "%s:%u:%u/%s", ipv4_text(port->address, address),
		 port->host, port->guest, port->udp ? "udp" : "tcp");
	return text;
}

static void read_port(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	char guess[TYPE_PORT_TEXT_SIZE];
	uint16_t number;

	if (type_port_parse(node->text, target))
		return;
	/* Users often write one number for both ports. */
	if (parse_number(node->text, &number)) {
		snprintf(guess, sizeof(guess), "%u:%u", number, number);
		schema_refuse_meant(loader, key, node, guess);
	} else {
		schema_refuse(loader, key, node);
	}
}

static struct json_object *write_port(const struct key *key, const void *target)
{
	char text[TYPE_PORT_TEXT_SIZE];

	return json_object_new_string(type_port_text(target, text));
}

const struct type type_port = {
	NODE_SCALAR,
	"a port of this host and one of the guest such as 2222:22, 127.0.0.1:8080:80/tcp or "
	"5353:53/udp",
	NULL,
	read_port,
	write_port,
};

bool type_port_same(const struct port *one, const struct port *other)
{
	return one->host == other->host && one->udp == other->udp &&
	       (ipv4_equal(one->address, other->address) || ipv4_unset(one->address) ||
		ipv4_unset(other->address));
}

bool type_port_ssh(const struct port *port, struct sockaddr_in *ssh)
{
	if (port->udp || port->guest != MACHINE_SSH_PORT)
		return false;
	*ssh = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port->host),
				     .sin_addr = port->address };
	if (ipv4_unset(port->address))
		ssh->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return true;
}

bool type_port_find_ssh(const struct definition *definition, struct sockaddr_in *ssh)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < network->port_count; k++)
			if (type_port_ssh(&network->ports[k], ssh))
				return true;
	return false;
}
