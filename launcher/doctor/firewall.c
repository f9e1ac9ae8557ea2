// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out what a firewall of this host does to forwarded packets.
#include "launcher/doctor/firewall.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define LEGACY_TABLES "/proc/net/ip_tables_names"

static bool exists(const char *root, const char *path)
{
	char full[PATH_MAX];

	return snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full) &&
	       access(full, F_OK) == 0;
}

/* True if a file has a line that equals @wanted without blanks, quotes and comments. */
static bool has_line(const char *root, const char *path, const char *wanted)
{
	cleanup_file FILE *file = NULL;
	char full[PATH_MAX], line[256];

	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return false;
	file = fopen(full, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *end = line;

		for (const char *c = line; *c && *c != '#'; c++)
			if (!strchr(" \t\r\n\"'", *c))
				*end++ = *c;
		*end = '\0';
		if (!strcasecmp(line, wanted))
			return true;
	}
	return false;
}

static void find_programs(const char *root, struct firewall *firewall)
{
	firewall->docker = if_nametoindex("docker0") > 0;
	firewall->ufw = has_line(root, "/etc/ufw/ufw.conf", "ENABLED=yes") &&
			!has_line(root, "/etc/default/ufw", "DEFAULT_FORWARD_POLICY=ACCEPT");
	firewall->firewalld = exists(root, "/sys/fs/cgroup/system.slice/firewalld.service");
}

static bool can_read(const char *path)
{
	cleanup_file FILE *file = fopen(path, "re");

	return file || errno == ENOENT;
}

/* A kernel without nf_tables may have iptables-legacy, and one without both drops nothing. */
void firewall_look(const char *root, struct firewall *firewall)
{
	int ret;

	*firewall = (struct firewall){ .readable = false };
	ret = nftables_read(&firewall->nftables);
	firewall->missing = ret == -EPROTONOSUPPORT;
	firewall->readable = ret == 0 || (ret == -EPROTONOSUPPORT && can_read(LEGACY_TABLES));
	if (has_line("", LEGACY_TABLES, "filter") && iptables_read("filter", &firewall->filter) < 0)
		firewall->readable = false;
	if (has_line("", LEGACY_TABLES, "nat"))
		iptables_read("nat", &firewall->nat);
	if (ret < 0 || firewall->filter.entries)
		find_programs(root, firewall);
	firewall->docker |= nftables_has(&firewall->nftables, "DOCKER-USER", false);
	firewall->ufw |= nftables_has(&firewall->nftables, "ufw-user-forward", false);
	firewall->firewalld |= nftables_has(&firewall->nftables, "firewalld", true);
}

struct packet_fate firewall_follow(const struct firewall *firewall, unsigned int hook,
				   const struct packet *packet)
{
	const bool forwards = hook == NF_INET_FORWARD;
	struct packet_fate fate = nftables_follow(&firewall->nftables, hook, packet);
	enum packet_outcome outcome;

	if (fate.outcome != PACKET_ACCEPT)
		return fate;
	outcome = iptables_follow(forwards ? &firewall->filter : &firewall->nat, hook, packet);
	if (outcome != PACKET_DROP && outcome != PACKET_TRANSLATE)
		return fate;
	fate.outcome = outcome;
	snprintf(fate.chain, sizeof(fate.chain), FIREWALL_LEGACY " %s",
		 forwards ? "FORWARD" : "POSTROUTING");
	return fate;
}

void firewall_done(struct firewall *firewall)
{
	nftables_done(&firewall->nftables);
	iptables_done(&firewall->filter);
	iptables_done(&firewall->nat);
}
