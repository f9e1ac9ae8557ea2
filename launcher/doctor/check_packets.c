// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the packets of running VMs, hop by hop.
#include "launcher/doctor/check_packets.h"

#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/kernel/netlink.h"

/* The findings so far, and the socket for the taps' own counters. */
struct findings {
	struct nl_sock *route;
	char text[ERROR_MESSAGE_SIZE];
};

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

static struct rtnl_link_stats64 statistics_of(struct nl_sock *route, uint32_t ifindex)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	cleanup_nl_msg *message = netlink_message(RTM_GETLINK, 0, &header, sizeof(header));
	struct rtnl_link_stats64 statistics = { 0 };

	if (message)
		netlink_request(route, message, read_statistics, &statistics);
	return statistics;
}

/* Adds two lines for a card: from the guest, to the guest. */
static void add_card(const struct counts_record *record, void *context)
{
	struct findings *findings = context;
	const struct rtnl_link_stats64 tap = statistics_of(findings->route, record->tap_ifindex);
	const uint64_t *counts = record->counts;
	const size_t used = strlen(findings->text);
	char out[96], in[96];

	if (record->path == PATH_BRIDGED) {
		snprintf(out, sizeof(out), ", below the host's stack");
		snprintf(in, sizeof(in), "%" PRIu64 " from the LAN", counts[COUNT_ARRIVED]);
	} else {
		snprintf(out, sizeof(out),
			 ", %" PRIu64 " to be forwarded, %" PRIu64 " past the firewall",
			 counts[COUNT_OUT_REACHED], counts[COUNT_OUT_PASSED]);
		snprintf(in, sizeof(in),
			 "%" PRIu64 " to be forwarded, %" PRIu64 " past the firewall",
			 counts[COUNT_IN_REACHED], counts[COUNT_IN_PASSED]);
	}
	snprintf(findings->text + used, sizeof(findings->text) - used,
		 "%s%s: from the guest: %" PRIu64 " at the tap, %" PRIu64
		 " past the table's check%s\n"
		 "%s: to the guest: %s, %" PRIu64 " at the tap, %" PRIu64 " that it did not take",
		 used ? "\n" : "", record->tap, (uint64_t)tap.rx_packets, counts[COUNT_CHECKED],
		 out, record->tap, in, (uint64_t)tap.tx_packets, (uint64_t)tap.tx_dropped);
}

enum severity check_packets(struct check *check, struct error *finding)
{
	struct findings findings = { 0 };
	struct netsetup_listener listener = { .counts = add_card, .context = &findings };
	cleanup_nl_sock *route = NULL;
	struct record_header request;
	int ret;

	if (check->connection->netsetup.socket < 0) {
		check_finding(finding, SEVERITY_NOTE, "no service counts the packets of VMs");
		error_remedy(finding, "count as root: sudo vmrun doctor");
		return SEVERITY_NOTE;
	}
	protocol_record_init(&request, RECORD_COUNT);
	ret = netlink_open(NETLINK_ROUTE, &route, finding);
	findings.route = route;
	if (ret == 0)
		ret = check_request(check, &request, &listener, finding);
	if (ret < 0)
		return SEVERITY_WARN;
	return check_finding(finding, SEVERITY_OK, "%s",
			     findings.text[0] ? findings.text : "no VM of yours is on the LAN");
}
