// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the state of the host as text to compare.
#include "tests/fault/sight.h"

#include <ftw.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/maker/allow.h"
#include "tests/fault/trace.h"

bool sight_files_alone;

static char *collecting;

static __attribute__((format(printf, 1, 2))) void collect(const char *format, ...)
{
	size_t used = strlen(collecting);
	va_list args;

	va_start(args, format);
	vsnprintf(collecting + used, SIGHT_SIZE - used, format, args);
	va_end(args);
}

static void collect_file(const char *path)
{
	char line[512];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		collect("%s: %s", path, line);
	if (file)
		fclose(file);
}

static int collect_path(const char *path, const struct stat *status, int type, struct FTW *where)
{
	const char *name = path + where->base;

	/* Files that outlive a VM: directories, the address history, overlays and locks. */
	if (strcmp(name, "addresses") != 0 && type == FTW_F &&
	    (strstr(path, "/run/") || !strcmp(name, "addresses.new") || strstr(name, ".tmp-") ||
	     strstr(name, ".part")))
		collect("%s\n", path);
	if (type == FTW_D && !sight_files_alone &&
	    (strstr(path, "/run/vmrun") || (strstr(path, "/run/user") && where->level > 0)))
		collect("%s/\n", path);
	return 0;
}

static int proxy_seen(struct nlmsghdr *header, void *context)
{
	struct nlattr *attribute = nlmsg_find_attr(header, sizeof(struct ndmsg), NDA_DST);
	char text[IPV4_TEXT_SIZE];
	struct in_addr address;

	if (attribute && nla_len(attribute) == sizeof(address)) {
		nla_memcpy(&address, attribute, sizeof(address));
		collect("proxy %s\n", ipv4_text(address, text));
	}
	return 0;
}

static void collect_proxies(void)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
	cleanup_nl_sock *route = NULL;
	struct error err;

	if (netlink_open(NETLINK_ROUTE, &route, &err) < 0)
		die(err.message);
	nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
	netlink_request(route, message, proxy_seen, NULL);
}

static int rule_seen(struct nlmsghdr *header, void *context)
{
	if (memmem(nlmsg_data(header), (size_t)nlmsg_datalen(header), ALLOW_COMMENT,
		   strlen(ALLOW_COMMENT)))
		collect("rule of a VM\n");
	return 0;
}

/* Collects the rules of VMs in firewalls. */
static void collect_rules(void)
{
	const struct nfgenmsg header = { .nfgen_family = AF_UNSPEC };
	cleanup_nl_msg *message = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
						     NLM_F_DUMP);
	cleanup_nl_sock *netfilter = NULL;
	struct error err;

	if (netlink_open(NETLINK_NETFILTER, &netfilter, &err) < 0)
		die(err.message);
	nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
	netlink_request(netfilter, message, rule_seen, NULL);
}

void sight_take(struct sight *sight)
{
	static const char *const variables[] = { "XDG_RUNTIME_DIR", "XDG_DATA_HOME",
						 "XDG_STATE_HOME" };
	struct if_nameindex *links = if_nameindex();

	memset(sight, 0, sizeof(*sight));
	collecting = sight->kernel;
	for (size_t i = 0; links && links[i].if_index; i++)
		collect("link %s\n", links[i].if_name);
	if_freenameindex(links);
	collect_file("/proc/net/route");
	collect_file("/sys/class/net/wlan0/flags");
	collecting = sight->network;
	collect_file("/proc/sys/net/ipv4/conf/wlan0/forwarding");
	collect_file("/proc/sys/net/ipv4/neigh/wlan0/proxy_delay");
	collect_proxies();
	collect_rules();
	nftw("/run/vmrun", collect_path, 16, FTW_PHYS);
	collecting = sight->files;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/vmrun", getenv(variables[i]));
		nftw(path, collect_path, 16, FTW_PHYS);
	}
}

static unsigned int compare(const struct sight *a, const struct sight *b)
{
	return (strcmp(a->kernel, b->kernel) ? DIFFERS_KERNEL : 0) |
	       (strcmp(a->network, b->network) ? DIFFERS_NETWORK : 0) |
	       (strcmp(a->files, b->files) ? DIFFERS_FILES : 0);
}

unsigned int sight_settle(const struct sight *before, unsigned int bits, int limit_ms,
			  struct sight *now)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	const int64_t end = now_ms() + limit_ms;
	unsigned int differs;

	for (;;) {
		sight_take(now);
		differs = compare(before, now);
		if (!(differs & bits) || now_ms() >= end)
			return differs;
		nanosleep(&moment, NULL);
	}
}
