// SPDX-License-Identifier: GPL-2.0-or-later
// Deletes the stale proxy entries that dead helpers have left.
#include "netsetup/lease/proxy_stale.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"

/* A proxy entry of ours. */
struct entry {
	struct in_addr address;
	unsigned int ifindex;
};

struct listing {
	struct entry *entries;
	size_t count;
};

/* Linux 5.0 reports NDA_PROTOCOL of proxy entries (pneigh_fill_info(), net/core/neighbour.c). */
static int on_entry(struct nlmsghdr *header, void *context)
{
	struct listing *listing = context;
	const struct ndmsg *entry = nlmsg_data(header);
	struct nlattr *protocol, *address;
	struct entry *larger;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*entry)) ||
	    entry->ndm_family != AF_INET || !(entry->ndm_flags & NTF_PROXY))
		return 0;
	protocol = nlmsg_find_attr(header, sizeof(*entry), NDA_PROTOCOL);
	address = nlmsg_find_attr(header, sizeof(*entry), NDA_DST);
	if (!protocol || nla_len(protocol) != 1 || nla_get_u8(protocol) != HOST_PROTOCOL ||
	    !address || nla_len(address) != sizeof(struct in_addr))
		return 0;
	larger = reallocarray(listing->entries, listing->count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	listing->entries = larger;
	larger[listing->count].ifindex = (unsigned int)entry->ndm_ifindex;
	nla_memcpy(&larger[listing->count].address, address, sizeof(struct in_addr));
	listing->count++;
	return 0;
}

static int list_entries(struct host *host, struct listing *listing, struct error *err)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *msg = netlink_message(RTM_GETNEIGH, NLM_F_DUMP, &header, sizeof(header));
	int ret = msg ? netlink_request(host->route, msg, on_entry, listing) : -ENOMEM;

	/* -EINTR: the table changed meanwhile. The next call removes what was missed. */
	if (ret < 0 && ret != -EINTR)
		return error_set_errno(err, -ret, "cannot list proxy entries");
	return 0;
}

static bool is_needed(const struct entry *entry, const struct found_lease *leases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct lease_record *lease = &leases[i].record;

		if (lease->ifindex != entry->ifindex || !lease_in_use(&leases[i]))
			continue;
		for (uint32_t a = 0; a < lease->address_count; a++)
			if (ipv4_equal(lease->addresses[a], entry->address))
				return true;
	}
	return false;
}

int proxy_stale_remove(struct host *host, const struct found_lease *leases, size_t count,
		       struct error *err)
{
	struct listing listing = { 0 };
	int result = list_entries(host, &listing, err);

	for (size_t i = 0; i < listing.count; i++) {
		const struct entry *entry = &listing.entries[i];
		char ifname[IF_NAMESIZE];
		int ret = 0;

		if (is_needed(entry, leases, count) || !if_indextoname(entry->ifindex, ifname))
			continue;
		/* The name becomes part of the reported command and of messages. */
		if (!ifname_valid(ifname))
			memcpy(ifname, "IF", sizeof("IF"));
		ret = host_proxy_delete(host, entry->address,
					(struct interface_id){ ifname, entry->ifindex }, err);
		if (ret < 0)
			result = ret;
	}
	free(listing.entries);
	return result;
}
