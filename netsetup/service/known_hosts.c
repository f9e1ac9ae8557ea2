// SPDX-License-Identifier: GPL-2.0-or-later
// Knows the addresses that have an owner, without a packet.
#include "netsetup/service/known_hosts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/host/foreign_routes.h"
#include "netsetup/kernel/neighbour.h"
#include "netsetup/kernel/next_hop.h"

/*
 * The files that may have the LAN's real servers: resolv.conf(5), and what systemd-resolved,
 * NetworkManager and resolvconf write.
 */
static const char *const resolver_files[] = {
	"/etc/resolv.conf",
	"/run/systemd/resolve/resolv.conf",
	"/run/NetworkManager/no-stub-resolv.conf",
	"/run/NetworkManager/resolv.conf",
	"/run/resolvconf/resolv.conf",
};

/* Longer lines cannot be a server's; resolv.conf(5). */
#define LINE_SIZE 256

static void add_resolvers(const char *path, struct address_set *set)
{
	cleanup_file FILE *file = fopen(path, "re");
	char line[LINE_SIZE], server[IPV4_TEXT_SIZE];
	struct in_addr address;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " nameserver %15s", server) == 1 && ipv4_parse(server, &address))
			address_set_add(set, address);
}

/*
 * Threat: a client asks for the address of the host's DNS server while that server is silent for a
 * second, and answers in its place. The client's own list of servers proves nothing, so the files
 * decide. Test: test_addresses_never_given in tests/lab/security/test_attacks.py.
 */
int known_hosts_read(struct nl_sock *route, const struct interfaces *table, unsigned int uplink,
		     struct known_hosts *hosts, struct error *err)
{
	int ret;

	*hosts = (struct known_hosts){ .uplink = uplink };
	for (size_t i = 0; i < table->address_count; i++)
		address_set_add(&hosts->local, table->addresses[i].prefix.address);
	for (size_t i = 0; i < ARRAY_SIZE(resolver_files); i++)
		add_resolvers(resolver_files[i], &hosts->resolvers);
	ret = next_hop_list(route, &hosts->next_hops, err);
	if (ret == 0)
		ret = neighbour_list(route, uplink, true, &hosts->permanent, err);
	if (ret == 0)
		ret = neighbour_list(route, uplink, false, &hosts->neighbours, err);
	if (ret == 0)
		ret = foreign_routes_list(route, uplink, &hosts->foreign, err);
	if (ret == 0 &&
	    (hosts->local.failed || hosts->resolvers.failed || hosts->next_hops.failed ||
	     hosts->permanent.failed || hosts->neighbours.failed || hosts->foreign.failed))
		ret = error_set_errno(err, ENOMEM, "cannot list the addresses in use");
	return ret;
}

const char *known_hosts_owner(struct known_hosts *hosts, struct in_addr address)
{
	if (address_set_has(&hosts->local, address))
		return "this host's";
	if (address_set_has(&hosts->next_hops, address))
		return "the router's";
	if (address_set_has(&hosts->resolvers, address))
		return "a DNS server's";
	if (address_set_has(&hosts->permanent, address))
		return "a permanent neighbour's";
	return NULL;
}

bool known_hosts_seen(struct known_hosts *hosts, struct in_addr address)
{
	return address_set_has(&hosts->neighbours, address) ||
	       address_set_has(&hosts->foreign, address);
}

void known_hosts_done(struct known_hosts *hosts)
{
	struct address_set *const sets[] = { &hosts->local,      &hosts->next_hops,
					     &hosts->resolvers,  &hosts->permanent,
					     &hosts->neighbours, &hosts->foreign };

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		address_set_done(sets[i]);
}
