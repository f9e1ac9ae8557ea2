// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the addresses of an interface's neighbour table.
#include "netsetup/kernel/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

/* States with a known hardware address; NUD_FAILED and NUD_INCOMPLETE mean no answer. */
#define NUD_ANSWERED (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

struct listing {
	unsigned int ifindex;
	unsigned int states;
	struct address_set *set;
};

static int parse_neighbour(struct nlmsghdr *header, void *context)
{
	const struct listing *listing = context;
	const struct ndmsg *neighbour = nlmsg_data(header);
	struct nlattr *attribute;
	struct in_addr address;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*neighbour)))
		return 0;
	if (neighbour->ndm_family != AF_INET || neighbour->ndm_ifindex != (int)listing->ifindex ||
	    !(neighbour->ndm_state & listing->states))
		return 0;
	attribute = nlmsg_find_attr(header, sizeof(*neighbour), NDA_DST);
	if (!attribute || nla_len(attribute) != sizeof(address))
		return 0;
	nla_memcpy(&address, attribute, sizeof(address));
	address_set_add(listing->set, address);
	return 0;
}

int neighbour_list(struct nl_sock *route, unsigned int ifindex, bool permanent,
		   struct address_set *set, struct error *err)
{
	const struct ndmsg header = { .ndm_family = AF_INET };
	cleanup_nl_msg *msg = netlink_message(RTM_GETNEIGH, NLM_F_DUMP, &header, sizeof(header));
	struct listing listing = { ifindex, permanent ? NUD_PERMANENT : NUD_ANSWERED, set };
	int ret = -ENOMEM;

	if (msg && nla_put_u32(msg, NDA_IFINDEX, ifindex) == 0)
		ret = netlink_request(route, msg, parse_neighbour, &listing);

	/* -EINTR: the table changed during the dump. The list is a hint, only a probe is proof. */
	if (ret < 0 && ret != -EINTR)
		return error_set_errno(err, -ret, "cannot list neighbours");
	return 0;
}
