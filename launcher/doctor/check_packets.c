// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the packets of running VMs, hop by hop.
#include "launcher/doctor/check_packets.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/ifname.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/network_dump.h"

/* Before an uplink's name in the name of its table (netsetup/table/table.h). */
#define TABLE_PREFIX "vmrun-"

#define GATE_PREFIX TAP_PREFIX "gate_"

/* Rules that drop a guest's frames, of which each table has less than this number. */
#define DROPS_MAX 32

/* struct drops - the sum of the drops by rules of one comment: each VM's chain has some. */
struct drops {
	char comment[NFTABLES_COMMENT_SIZE];
	uint64_t packets;
};

/**
 * struct table_counts - the sums of the counters of an uplink's table.
 * @sent: frames of guests; @dropped: those that they may not send; @below: those that left it below
 *        the host's stack.
 * @from_lan, @from_host: frames that it sent to guests.
 * @drops: @drops_count rules that dropped some.
 */
struct table_counts {
	uint64_t sent;
	uint64_t dropped;
	uint64_t below;
	uint64_t from_lan;
	uint64_t from_host;
	struct drops drops[DROPS_MAX];
	size_t drops_count;
};

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
							 const char *format, ...)
{
	const size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

static void count_drops(const struct nftables_rule *rule, struct table_counts *counts)
{
	size_t i = 0;

	counts->dropped += rule->packets;
	while (i < counts->drops_count && strcmp(counts->drops[i].comment, rule->comment) != 0)
		i++;
	if (i == DROPS_MAX)
		return;
	if (i == counts->drops_count)
		snprintf(counts->drops[counts->drops_count++].comment, NFTABLES_COMMENT_SIZE, "%s",
			 rule->comment);
	counts->drops[i].packets += rule->packets;
}

static void count_rule(const struct nftables_rule *rule, struct table_counts *counts)
{
	const bool tap = !strncmp(rule->chain, "tap_", strlen("tap_"));

	if (rule->forwards && !strcmp(rule->chain, "out"))
		counts->below += rule->packets;
	if (rule->forwards && !strcmp(rule->chain, "uplink_in"))
		counts->from_lan += rule->packets;
	if (rule->forwards && !strcmp(rule->chain, "uplink_out"))
		counts->from_host += rule->packets;
	/* Each frame of a guest that its own chain does not drop goes to the chain check. */
	if (tap && rule->jumps)
		counts->sent += rule->packets;
	if (!rule->drops || !rule->packets ||
	    (!tap && strcmp(rule->chain, "check") != 0 && strcmp(rule->chain, "out") != 0))
		return;
	/* Of the drops in a tap's chain, those by its rate come after the jump. */
	if (tap && strstr(rule->comment, "broadcasts") == NULL)
		counts->sent += rule->packets;
	count_drops(rule, counts);
}

static void add_table(const struct nftables *nftables, const char *table, char *text, size_t size)
{
	struct table_counts counts = { 0 };
	struct nftables_rule rule;
	size_t place = 0;

	while (nftables_next(nftables, &place, &rule))
		if (!strcmp(rule.table, table))
			count_rule(&rule, &counts);
	append(text, size,
	       "%s: guests sent %" PRIu64 ", dropped %" PRIu64 ", below the host's stack %" PRIu64
	       ", into it %" PRIu64 "; to guests %" PRIu64 " from the LAN, %" PRIu64
	       " from the host\n",
	       table + strlen(TABLE_PREFIX), counts.sent, counts.dropped, counts.below,
	       counts.sent - counts.dropped - counts.below, counts.from_lan, counts.from_host);
	for (size_t i = 0; i < counts.drops_count; i++)
		append(text, size, "%s: dropped %" PRIu64 " '%s'\n", table + strlen(TABLE_PREFIX),
		       counts.drops[i].packets, counts.drops[i].comment);
}

/* Each of our tables has the chain check; the chains of the uplink come with a bridged VM. */
static void add_tables(const struct nftables *nftables, char *text, size_t size)
{
	char last[64] = "";
	struct nftables_rule rule;
	size_t place = 0;

	while (nftables_next(nftables, &place, &rule)) {
		if (strncmp(rule.table, TABLE_PREFIX, strlen(TABLE_PREFIX)) != 0 ||
		    strcmp(rule.chain, "check") != 0 || !strcmp(rule.table, last))
			continue;
		snprintf(last, sizeof(last), "%s", rule.table);
		add_table(nftables, rule.table, text, size);
	}
}

static int read_statistics(struct nlmsghdr *header, void *context)
{
	struct rtnl_link_stats64 *statistics = context;
	struct nlattr *attr;

	if (header->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(header, sizeof(struct ifinfomsg)))
		return 0;
	attr = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_STATS64);
	/* Older kernels have fewer members. */
	if (attr)
		memcpy(statistics, nla_data(attr),
		       (size_t)nla_len(attr) < sizeof(*statistics) ? (size_t)nla_len(attr)
								   : sizeof(*statistics));
	return 0;
}

static void add_tap(struct nl_sock *route, const struct interface *tap, char *text, size_t size)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)tap->ifindex };
	cleanup_nl_msg *message = netlink_message(RTM_GETLINK, 0, &header, sizeof(header));
	struct rtnl_link_stats64 statistics = { 0 };

	if (!message || netlink_request(route, message, read_statistics, &statistics) < 0)
		return;
	append(text, size,
	       "%s: %" PRIu64 " from the guest, %" PRIu64 " to it, %" PRIu64
	       " that it did not take\n",
	       tap->ifname, (uint64_t)statistics.rx_packets, (uint64_t)statistics.tx_packets,
	       (uint64_t)statistics.tx_dropped);
}

static bool is_tap(const struct interface *link)
{
	return link->ours && ifname_valid(link->ifname) &&
	       !strncmp(link->ifname, TAP_PREFIX, strlen(TAP_PREFIX)) &&
	       strncmp(link->ifname, GATE_PREFIX, strlen(GATE_PREFIX)) != 0;
}

enum severity check_packets(struct check *check, struct error *finding)
{
	cleanup_interfaces struct interfaces table = { 0 };
	cleanup_nl_sock *route = NULL;
	char text[ERROR_MESSAGE_SIZE] = "";

	if (netlink_open(NETLINK_ROUTE, &route, finding) < 0 || network_dump(&table, finding) < 0)
		return SEVERITY_WARN;
	for (size_t i = 0; i < table.link_count; i++)
		if (is_tap(&table.links[i]))
			add_tap(route, &table.links[i], text, sizeof(text));
	if (!text[0])
		return check_finding(finding, SEVERITY_OK, "no VM is on the LAN");
	add_tables(&check->firewall->nftables, text, sizeof(text));
	if (strrchr(text, '\n') == text + strlen(text) - 1)
		text[strlen(text) - 1] = '\0';
	return check_finding(finding, SEVERITY_OK, "%s", text);
}
