// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what a dead service has left in the kernel.
#include "netsetup/service/stale.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/network_dump.h"
#include "netsetup/service/publish.h"
#include "netsetup/table/gate.h"

/* A proxy entry of ours. */
struct entry {
	struct in_addr address;
	unsigned int ifindex;
};

struct listing {
	struct entry *entries;
	size_t count;
};

static int add_entry(struct listing *listing, struct nlattr *address, unsigned int ifindex)
{
	struct entry *larger;

	if (!address || nla_len(address) != sizeof(struct in_addr) || !ifindex)
		return 0;
	larger = reallocarray(listing->entries, listing->count + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	listing->entries = larger;
	larger[listing->count] = (struct entry){ .ifindex = ifindex };
	nla_memcpy(&larger[listing->count++].address, address, sizeof(struct in_addr));
	return 0;
}

/* Linux 5.0 reports NDA_PROTOCOL of proxy entries (pneigh_fill_info(), net/core/neighbour.c). */
static int on_proxy(struct nlmsghdr *header, void *context)
{
	const struct ndmsg *entry = nlmsg_data(header);
	struct nlattr *protocol;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*entry)) ||
	    entry->ndm_family != AF_INET || !(entry->ndm_flags & NTF_PROXY))
		return 0;
	protocol = nlmsg_find_attr(header, sizeof(*entry), NDA_PROTOCOL);
	if (!protocol || nla_len(protocol) != 1 || nla_get_u8(protocol) != HOST_PROTOCOL)
		return 0;
	return add_entry(context, nlmsg_find_attr(header, sizeof(*entry), NDA_DST),
			 (unsigned int)entry->ndm_ifindex);
}

/* Routes of the main table need no search: they go with their taps. */
static int list_entries(struct host *host, struct listing *listing, struct error *err)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = netlink_message(RTM_GETNEIGH, NLM_F_DUMP, &header,
						  sizeof(header));
	const int ret = message ? netlink_request(host->route, message, on_proxy, listing)
				: -ENOMEM;

	return ret < 0 ? error_set_errno(err, -ret, "cannot list proxy entries") : 0;
}

static bool entry_needed(const struct state *state, const struct entry *entry)
{
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (ipv4_equal(vm->record.address, entry->address) &&
		    vm->record.published_on == entry->ifindex && !vm_dead(vm))
			return true;
	return false;
}

static bool tap_needed(const struct state *state, unsigned int ifindex)
{
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.tap_ifindex == ifindex)
			return true;
	return false;
}

static int remove_entry(struct host *host, const struct entry *entry, struct error *err)
{
	struct interface_id interface = { "IF", entry->ifindex };
	char ifname[IF_NAMESIZE];

	if (!if_indextoname(entry->ifindex, ifname)) {
		/* It is gone with its interface. */
		if (errno == ENXIO)
			return 0;
		ifname[0] = '\0';
	}
	/* The name becomes part of commands and messages. */
	if (ifname_valid(ifname))
		interface.ifname = ifname;
	return host_proxy_delete(host, entry->address, interface, err);
}

/* A gate lives as long as its table. Only root's processes have a descriptor of it. */
static bool is_tap(const struct interface *link)
{
	return link->ours && !strcmp(link->kind, "tun") && ifname_valid(link->ifname) &&
	       !strncmp(link->ifname, TAP_PREFIX, strlen(TAP_PREFIX)) &&
	       strncmp(link->ifname, GATE_PREFIX, strlen(GATE_PREFIX)) != 0;
}

/*
 * Threat: a holder of a tap's descriptor makes the tap persistent, and it outlives the VM and a
 * service that was killed. Test: test_persistent_tap in tests/lab/security/test_attacks.py.
 */
static int remove_taps(const struct state *state, struct host *host, struct error *err)
{
	cleanup_interfaces struct interfaces table = { 0 };
	int result = network_dump(&table, err);

	for (size_t i = 0; i < table.link_count; i++) {
		const struct interface *link = &table.links[i];
		int ret = 0;

		if (is_tap(link) && !tap_needed(state, link->ifindex))
			ret = host_link_delete(
				host, (struct interface_id){ link->ifname, link->ifindex }, err);
		result = ret < 0 ? ret : result;
	}
	return result;
}

/* The kernel lists a dead VM's entries; the state need not have the VM any more. */
static int drop_dead(struct state *state, const struct host *host, struct error *err)
{
	bool any = false;

	for (struct vm *vm = state->vms, *next; vm && !host->dry_run; vm = next) {
		next = vm->next;
		if (!vm_dead(vm))
			continue;
		state_remove(state, vm);
		vm_free(vm);
		any = true;
	}
	return any ? state_save(state, err) : 0;
}

int stale_undo(struct state *state, struct host *host, struct error *err)
{
	struct listing listing = { 0 };
	int result = remove_taps(state, host, err);
	int ret = drop_dead(state, host, err);

	result = ret < 0 ? ret : result;
	ret = list_entries(host, &listing, err);
	result = ret < 0 ? ret : result;
	for (size_t i = 0; i < listing.count; i++) {
		ret = entry_needed(state, &listing.entries[i])
			      ? 0
			      : remove_entry(host, &listing.entries[i], err);
		result = ret < 0 ? ret : result;
	}
	free(listing.entries);
	ret = host_allow_sweep(host, err);
	result = ret < 0 ? ret : result;
	ret = publish_restore(state, host, err);
	return ret < 0 ? ret : result;
}
