// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if a firewall of this host drops forwarded packets.
#include "launcher/doctor/firewall.h"

/* First: the kernel's headers leave out what this header has defined, but not vice versa. */
#include <netinet/in.h>

#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/netlink.h"

/* Longer names of tables and chains are cut, because they are only printed. */
#define NAME_MAX_SHOWN 32

static const char *family_name(unsigned int family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_INET ? "inet" : NULL;
}

static uint32_t get_u32(struct nlattr *attribute)
{
	return attribute && nla_len(attribute) == sizeof(uint32_t) ? ntohl(nla_get_u32(attribute))
								   : UINT32_MAX;
}

static const char *get_text(struct nlattr *attribute, char text[PRINTABLE_SIZE(NAME_MAX_SHOWN)])
{
	const size_t length = attribute ? strnlen(nla_data(attribute), (size_t)nla_len(attribute))
					: 0;

	return printable(attribute ? nla_data(attribute) : "",
			 length < NAME_MAX_SHOWN ? length : NAME_MAX_SHOWN, text);
}

static int read_chain(struct nlmsghdr *header, void *context)
{
	const struct nfgenmsg *message = nlmsg_data(header);
	char table[PRINTABLE_SIZE(NAME_MAX_SHOWN)], chain[PRINTABLE_SIZE(NAME_MAX_SHOWN)];
	struct nlattr *attributes[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct firewall *firewall = context;
	const char *family;

	if (!nlmsg_valid_hdr(header, sizeof(*message)) ||
	    nlmsg_parse(header, sizeof(*message), attributes, NFTA_CHAIN_MAX, NULL) < 0)
		return 0;
	family = family_name(message->nfgen_family);
	get_text(attributes[NFTA_CHAIN_TABLE], table);
	get_text(attributes[NFTA_CHAIN_NAME], chain);
	firewall->docker = firewall->docker || !strcmp(chain, "DOCKER-USER");
	firewall->ufw = firewall->ufw || !strcmp(chain, "ufw-user-forward");
	firewall->firewalld = firewall->firewalld || !strcmp(table, "firewalld");
	if (!family || !attributes[NFTA_CHAIN_HOOK] || firewall->drops ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, attributes[NFTA_CHAIN_HOOK], NULL) < 0 ||
	    get_u32(hook[NFTA_HOOK_HOOKNUM]) != NF_INET_FORWARD ||
	    get_u32(attributes[NFTA_CHAIN_POLICY]) != NF_DROP)
		return 0;
	firewall->drops = true;
	snprintf(firewall->chain, sizeof(firewall->chain), "%s %s %s", family, table, chain);
	return 0;
}

/* Finds the name of a tap in a rule: all expressions that compare a name hold its plain text. */
static int read_rule(struct nlmsghdr *header, void *context)
{
	struct firewall *firewall = context;

	if (memmem(nlmsg_data(header), (size_t)nlmsg_datalen(header), TAP_PREFIX,
		   strlen(TAP_PREFIX)))
		firewall->excepted = true;
	return 0;
}

static int dump(struct nl_sock *sock, int type, netlink_parse_fn *parse, struct firewall *firewall)
{
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC };
	cleanup_nl_msg *message = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP);

	if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	return netlink_request(sock, message, parse, firewall);
}

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

void firewall_look(const char *root, struct firewall *firewall)
{
	cleanup_nl_sock *sock = NULL;
	struct error ignored;
	int ret;

	memset(firewall, 0, sizeof(*firewall));
	ret = netlink_open(NETLINK_NETFILTER, &sock, &ignored);
	if (ret == 0)
		ret = dump(sock, NFT_MSG_GETCHAIN, read_chain, firewall);
	firewall->readable = ret == 0;
	firewall->legacy = has_line(root, "/proc/net/ip_tables_names", "filter");
	if (ret == 0 && firewall->drops)
		dump(sock, NFT_MSG_GETRULE, read_rule, firewall);
	if (firewall->readable)
		return;
	firewall->docker = if_nametoindex("docker0") > 0;
	firewall->ufw = has_line(root, "/etc/ufw/ufw.conf", "ENABLED=yes") &&
			!has_line(root, "/etc/default/ufw", "DEFAULT_FORWARD_POLICY=ACCEPT");
	firewall->firewalld = exists(root, "/sys/fs/cgroup/system.slice/firewalld.service");
}
