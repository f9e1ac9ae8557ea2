// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the policy rule that takes packets between the LAN and a guest.
#include "launcher/lan/route_check.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/fib_rule.h"

/**
 * struct forwarding - a packet to forward, and the way that it would take.
 * @from, @to: its addresses.
 * @iif: index of the interface from which it comes.
 * @oif, @table: of the answer; 0 if there is none.
 */
struct forwarding {
	struct in_addr from;
	struct in_addr to;
	unsigned int iif;
	unsigned int oif;
	uint32_t table;
};

static uint32_t read_u32(struct nlmsghdr *header, int type)
{
	struct nlattr *attr = nlmsg_find_attr(header, sizeof(struct rtmsg), type);

	return attr && nla_len(attr) == sizeof(uint32_t) ? nla_get_u32(attr) : 0;
}

static int on_route(struct nlmsghdr *header, void *context)
{
	struct forwarding *packet = context;

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(struct rtmsg)))
		return 0;
	packet->oif = read_u32(header, RTA_OIF);
	packet->table = read_u32(header, RTA_TABLE);
	return 0;
}

/* The kernel treats it as a received packet, with reverse-path filtering (inet_rtm_getroute()). */
static int look_up(struct nl_sock *route, struct forwarding *packet)
{
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = 32,
				      .rtm_src_len = 32,
				      .rtm_flags = RTM_F_LOOKUP_TABLE };
	cleanup_nl_msg *message = netlink_message(RTM_GETROUTE, 0, &header, sizeof(header));

	if (!message || nla_put(message, RTA_DST, sizeof(packet->to), &packet->to) < 0 ||
	    nla_put(message, RTA_SRC, sizeof(packet->from), &packet->from) < 0 ||
	    nla_put_u32(message, RTA_IIF, packet->iif) < 0)
		return -ENOMEM;
	return netlink_request(route, message, on_route, packet);
}

/*
 * The first rule of another program that leads to the table; without a table, as after a packet
 * that was dropped, the first that leads anywhere but to the tables that every host has.
 */
static const struct fib_rule *find_rule(const struct fib_rules *rules, uint32_t table)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct fib_rule *rule = &rules->list[i];

		if (rule->protocol == ROUTES_PROTOCOL || rule->action == FR_ACT_GOTO ||
		    rule->action == FR_ACT_NOP)
			continue;
		if (table ? rule->table == table
			  : rule->table < RT_TABLE_DEFAULT || rule->table > RT_TABLE_LOCAL)
			return rule;
	}
	return NULL;
}

static void name_rule(struct nl_sock *route, uint32_t table, const char *what,
		      char reason[REASON_SIZE])
{
	struct fib_rules rules = { 0 };
	const struct fib_rule *rule = NULL;
	struct error ignored;

	if (fib_rule_dump(route, &rules, &ignored) == 0)
		rule = find_rule(&rules, table);
	if (rule && rule->action == FR_ACT_TO_TBL)
		snprintf(reason, REASON_SIZE, "policy rule %u (lookup %u) takes %s",
			 rule->preference, rule->table, what);
	else if (rule)
		snprintf(reason, REASON_SIZE, "policy rule %u takes %s", rule->preference, what);
	else
		snprintf(reason, REASON_SIZE, "this host's routes do not forward %s", what);
	fib_rule_done(&rules);
}

/* Another host of the LAN: the router, or any. */
static struct in_addr find_peer(const struct lan_place *place)
{
	const struct prefix prefix = { place->address, place->prefix_length };
	uint32_t peer = ntohl(ipv4_prefix_network(&prefix).s_addr) + 1;

	if (!ipv4_unset(place->router) && ipv4_prefix_host(&prefix, place->router))
		return place->router;
	while (htonl(peer) == place->address.s_addr || htonl(peer) == place->host.s_addr)
		peer++;
	return (struct in_addr){ htonl(peer) };
}

void route_check(const struct lan_place *place, unsigned int uplink, unsigned int tap,
		 char reason[REASON_SIZE])
{
	const struct in_addr peer = find_peer(place);
	struct forwarding out = { place->address, peer, tap, 0, 0 };
	struct forwarding in = { peer, place->address, uplink, 0, 0 };
	cleanup_nl_sock *route = NULL;
	struct error ignored;
	int ret;

	reason[0] = '\0';
	if (netlink_open(NETLINK_ROUTE, &route, &ignored) < 0)
		return;
	ret = look_up(route, &in);
	if (ret == -ENODEV || ret == -ENETDOWN || ret == -ENOMEM)
		return;
	if (ret < 0 || in.oif != tap) {
		name_rule(route, in.table, "what the LAN sends to the guest", reason);
		return;
	}
	ret = look_up(route, &out);
	if (ret < 0 || out.oif != uplink)
		name_rule(route, out.table, "what the guest sends to the LAN", reason);
}
