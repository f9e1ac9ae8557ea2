// SPDX-License-Identifier: GPL-2.0-or-later
// Ports of this host that lead to a guest in QEMU's own network.
#include "launcher/definition/type_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

/* An address that this host can have, or all of them. */
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

/* Cuts a text at the last of a character; returns what follows it, or NULL. */
static char *cut_last(char *text, char character)
{
	char *at = strrchr(text, character);

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

bool port_parse(const char *text, struct port *port)
{
	struct port parsed = { .address.s_addr = htonl(INADDR_LOOPBACK) };
	char copy[PORT_TEXT_SIZE];
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

const char *port_text(const struct port *port, char text[PORT_TEXT_SIZE])
{
	char address[IPV4_TEXT_SIZE];

	snprintf(text, PORT_TEXT_SIZE, "%s:%u:%u/%s", ipv4_text(port->address, address), port->host,
		 port->guest, port->udp ? "udp" : "tcp");
	return text;
}

static void read_port(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	char guess[PORT_TEXT_SIZE];
	uint16_t number;

	if (port_parse(node->text, target))
		return;
	/* One number is often meant for both. */
	if (parse_number(node->text, &number)) {
		snprintf(guess, sizeof(guess), "%u:%u", number, number);
		walk_meant(walk, key, node, guess);
	} else {
		walk_mismatch(walk, key, node);
	}
}

static struct json_object *write_port(const struct key *key, const void *target)
{
	char text[PORT_TEXT_SIZE];

	return json_object_new_string(port_text(target, text));
}

const struct type type_port = {
	NODE_SCALAR,
	"a port of this host and one of the guest such as 2222:22, 127.0.0.1:8080:80/tcp or "
	"5353:53/udp",
	NULL,
	read_port,
	write_port,
};

bool port_same(const struct port *one, const struct port *other)
{
	return one->host == other->host && one->udp == other->udp &&
	       (ipv4_equal(one->address, other->address) || ipv4_unset(one->address) ||
		ipv4_unset(other->address));
}

static int port_check(const struct port *port, struct error *err)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(port->host),
					     .sin_addr = port->address };
	const int yes = 1;
	cleanup_fd int fd = -1;
	char text[PORT_TEXT_SIZE];
	int rc;

	fd = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "cannot make a socket");
	/* As QEMU does it: what the last run has left is no obstacle. */
	if (!port->udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    (port->udp || listen(fd, 1) == 0))
		return 0;
	rc = error_set(err, errno, "cannot listen for 'ports' entry '%s'", port_text(port, text));
	if (rc == -EACCES) {
		err->status = STATUS_PERMISSION;
		error_remedy(err,
			     "take a higher port, or let users have this one: "
			     "sudo sysctl net.ipv4.ip_unprivileged_port_start=%u",
			     port->host);
	}
	return rc;
}

int ports_check(const struct definition *definition, struct error *err)
{
	const struct network *network;
	int rc = 0;

	for (unsigned int i = 0; (network = definition_network(definition, i)) && rc == 0; i++)
		for (unsigned int k = 0; k < network->port_count && rc == 0; k++)
			rc = port_check(&network->ports[k], err);
	return rc;
}

bool port_ssh(const struct port *port, struct sockaddr_in *ssh)
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

bool ports_ssh(const struct definition *definition, struct sockaddr_in *ssh)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < network->port_count; k++)
			if (port_ssh(&network->ports[k], ssh))
				return true;
	return false;
}
