// SPDX-License-Identifier: GPL-2.0-or-later
// Deletes the proxy entries that helpers which died have left.
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

/* NDA_PROTOCOL is told of proxy entries since Linux 5.0 (pneigh_fill_info(), net/core/neighbour.c). */
static int entry_seen(struct nlmsghdr *header, void *context)
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
	int rc = msg ? nl_request(host->route, msg, entry_seen, listing) : -ENOMEM;

	/* -EINTR: the table changed meanwhile; what was not seen is for the next sweep. */
	if (rc < 0 && rc != -EINTR)
		return error_set(err, -rc, "cannot list proxy entries");
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
		int rc = 0;

		if (is_needed(entry, leases, count) || !if_indextoname(entry->ifindex, ifname))
			continue;
		/* The name goes into the command that is told, and into messages. */
		if (!ifname_valid(ifname))
			memcpy(ifname, "IF", sizeof("IF"));
		rc = host_proxy_delete(host, entry->address,
				       (struct interface_id){ ifname, entry->ifindex }, err);
		if (rc < 0)
			result = rc;
	}
	free(listing.entries);
	return result;
}
