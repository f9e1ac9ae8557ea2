// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's neighbour table: who on the uplink this host has spoken with.
#include "netsetup/kernel/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

/* States in which a hardware address is known; NUD_FAILED and NUD_INCOMPLETE mean no answer. */
#define NUD_ANSWERED (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

struct listing {
	unsigned int ifindex;
	struct addrset *set;
};

static int neighbour_seen(struct nlmsghdr *header, void *context)
{
	const struct listing *listing = context;
	const struct ndmsg *neighbour = nlmsg_data(header);
	struct nlattr *attribute;
	struct in_addr address;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*neighbour)))
		return 0;
	if (neighbour->ndm_family != AF_INET || neighbour->ndm_ifindex != (int)listing->ifindex ||
	    !(neighbour->ndm_state & NUD_ANSWERED))
		return 0;
	attribute = nlmsg_find_attr(header, sizeof(*neighbour), NDA_DST);
	if (!attribute || nla_len(attribute) != sizeof(address))
		return 0;
	nla_memcpy(&address, attribute, sizeof(address));
	addrset_add(listing->set, address);
	return 0;
}

int neighbour_list(struct nl_sock *route, unsigned int ifindex, struct addrset *set,
		   struct error *err)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = (int)ifindex };
	cleanup_nl_msg *msg = netlink_message(RTM_GETNEIGH, NLM_F_DUMP, &header, sizeof(header));
	struct listing listing = { ifindex, set };
	int rc = msg ? nl_request(route, msg, neighbour_seen, &listing) : -ENOMEM;

	/* -EINTR: the table changed meanwhile; what was seen is a hint, the probes are the proof. */
	if (rc < 0 && rc != -EINTR)
		return error_set(err, -rc, "cannot list neighbours");
	return 0;
}
