// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches one VM to the LAN: address, tap, route, proxy entry, sysctls.
#include "netsetup/session/attachment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/confine/close_timeout.h"
#include "netsetup/host/antispoof.h"
#include "netsetup/host/promiscuous.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/query.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/lease/allocate.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/lease_stale.h"
#include "netsetup/lease/uplink_sysctls.h"
#include "netsetup/policy/authorize.h"

/*
 * Theory of operation: an attachment is a short list of facts about the host. attachment_publish()
 * checks each fact and makes it true if it is not, the first time and every time after the kernel
 * or a program has undone one. attachment_undo() undoes all of them.
 */

/*
 * Values of the tap before it is up. Without IPv6, no router advertisement of a guest reaches the
 * host. By strict reverse-path filtering and the tap's single /32 route, the guest can send only
 * with its own address. proxy_arp answers the guest for the router and every other host of the LAN,
 * without the random delay.
 */
static const struct {
	const char *tree;
	const char *key;
	int value;
	bool optional; /* a kernel may lack it */
} tap_values[] = {
	{ "ipv6/conf", "disable_ipv6", 1, true }, { "ipv4/conf", "rp_filter", 1, false },
	{ "ipv4/conf", "proxy_arp", 1, false },   { "ipv4/neigh", "proxy_delay", 0, false },
	{ "ipv4/conf", "forwarding", 1, false },
};

void attachment_init(struct attachment *attachment, const struct setup_record *setup,
		     const struct host *host)
{
	memset(attachment, 0, sizeof(*attachment));
	attachment->setup = *setup;
	attachment->host = *host;
	attachment->host.arp = -1;
	attachment->lease.fd = -1;
	memset(attachment->tap_fds, -1, sizeof(attachment->tap_fds));
	attachment->lease.record.magic = LEASE_MAGIC;
	attachment->lease.record.owner = host->authorization ? host->authorization->uid : 0;
	memcpy(attachment->lease.record.name, setup->name, sizeof(setup->name));
	ifname_of_tap(setup->name, attachment->lease.record.tap);
}

struct in_addr attachment_address(const struct attachment *attachment)
{
	return attachment->lease.record.addresses[0];
}

struct interface_id attachment_tap(const struct attachment *attachment)
{
	return (struct interface_id){ attachment->lease.record.tap, attachment->tap_ifindex };
}

struct interface_id attachment_uplink(const struct attachment *attachment)
{
	return (struct interface_id){ attachment->uplink.ifname, attachment->uplink.ifindex };
}

int attachment_use_uplink(struct attachment *attachment, const struct uplink *uplink,
			  struct error *err)
{
	struct lease_record *record = &attachment->lease.record;
	cleanup_fd int arp = -1;

	/* A dry run sends nothing: it shows the first candidate. */
	arp = attachment->host.dry_run ? -1 : arp_open(uplink->ifindex, err);
	if (arp < 0 && !attachment->host.dry_run) {
		error_context(err, "cannot listen for ARP on '%s'", uplink->ifname);
		return arp;
	}
	if (arp >= 0 && promiscuous_set(arp, uplink, attachment->setup.promiscuous, err) < 0)
		return -err->code;
	if (attachment->host.arp >= 0)
		close(attachment->host.arp);
	attachment->host.arp = take_fd(&arp);
	attachment->uplink = *uplink;
	memcpy(record->uplink, uplink->ifname, sizeof(record->uplink));
	record->ifindex = uplink->ifindex;
	return 0;
}

/* Filters the tap by the present address, before the guest can send at all. */
static int filter_tap(struct attachment *attachment, struct error *err)
{
	int ret;

	if (ipv4_equal(attachment->filtered, attachment_address(attachment)))
		return 0;
	ret = antispoof_set(&attachment->host, attachment_tap(attachment),
			    attachment_address(attachment), err);
	if (ret == 0)
		attachment->filtered = attachment_address(attachment);
	return ret;
}

/* Sets each of the tap's values and its state, where it differs. */
static int publish_tap(struct attachment *attachment, struct error *err)
{
	const struct interface_id tap = attachment_tap(attachment);
	struct link_state link = { 0 };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tap_values); i++) {
		const struct sysctl sysctl = { tap_values[i].tree, tap.ifname, tap_values[i].key };
		int value = !tap_values[i].value;

		if (!attachment->host.dry_run)
			ret = sysctl_read(&sysctl, &value, err);
		if (ret == -ENOENT && tap_values[i].optional)
			continue;
		if (ret == 0 && value != tap_values[i].value)
			ret = host_sysctl(&attachment->host, &sysctl, tap_values[i].value, err);
		if (ret < 0)
			return ret;
	}
	ret = filter_tap(attachment, err);
	if (ret < 0)
		return ret;
	if (!attachment->host.dry_run)
		ret = query_link(attachment->host.route, tap.ifindex, &link);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot find tap '%s'", tap.ifname);
	if (link.up && link.mtu == attachment->uplink.mtu)
		return 0;
	return host_link_up(&attachment->host, tap, attachment->uplink.mtu, err);
}

static int publish_route(struct attachment *attachment, struct error *err)
{
	const struct interface_id tap = attachment_tap(attachment);
	int exists = 0;

	if (!attachment->host.dry_run)
		exists = query_route(attachment->host.route, attachment_address(attachment),
				     tap.ifindex);
	return exists == 1 ? 0
			   : host_route_add(&attachment->host, attachment_address(attachment), tap,
					    err);
}

static int publish_proxy(struct attachment *attachment, bool *added, struct error *err)
{
	const struct interface_id uplink = attachment_uplink(attachment);
	int exists = 0;

	if (!attachment->host.dry_run)
		exists = query_proxy(attachment->host.route, attachment_address(attachment),
				     uplink.ifindex);
	*added = exists != 1;
	attachment->published = true;
	return exists == 1 ? 0
			   : host_proxy_add(&attachment->host, attachment_address(attachment),
					    uplink, err);
}

static int publish_sysctls(struct attachment *attachment, struct error *err)
{
	int dir = -1;
	int ret;

	if (!attachment->host.dry_run && uplink_sysctls_are_set(attachment_uplink(attachment)))
		return 0;
	if (!attachment->host.dry_run) {
		dir = lease_dir_lock(true, err);
		if (dir < 0)
			return dir;
	}
	ret = uplink_sysctls_set(dir, &attachment->host, attachment_uplink(attachment), err);
	lease_dir_unlock(dir);
	return ret;
}

/* Returns true if the LAN was sent the address at the uplink's present hardware address. */
static bool announced(const struct attachment *attachment)
{
	return attachment->announced.ifindex == attachment->uplink.ifindex &&
	       !memcmp(&attachment->announced.mac, &attachment->uplink.mac,
		       sizeof(attachment->uplink.mac));
}

/*
 * Returns the uplink's name to look for, or NULL. An interface that was renamed since, as udev may
 * do with a new adapter, still is the one that the request named.
 */
static const char *uplink_name(const struct attachment *attachment, char renamed[IFNAMSIZ])
{
	const char *name = attachment->setup.uplink;

	if (!name[0])
		return NULL;
	if (attachment->uplink.ifindex && if_nametoindex(name) == 0 && errno == ENODEV &&
	    if_indextoname(attachment->uplink.ifindex, renamed) && ifname_valid(renamed))
		return renamed;
	return name;
}

int attachment_find_uplink(const struct attachment *attachment, struct uplink *uplink,
			   struct error *err)
{
	const struct setup_record *setup = &attachment->setup;
	char renamed[IFNAMSIZ];
	struct request request;
	int ret;

	ret = uplink_find(uplink_name(attachment, renamed), uplink, err);
	if (ret < 0)
		return ret;
	request = authorize_request(setup, uplink);
	return authorize_check(attachment->host.authorization, &request, err);
}

int attachment_publish(struct attachment *attachment, struct error *err)
{
	struct request request = authorize_request(&attachment->setup, &attachment->uplink);
	bool added = false;
	int ret;

	request.address = attachment_address(attachment);
	ret = authorize_check(attachment->host.authorization, &request, err);
	if (ret == 0)
		ret = publish_tap(attachment, err);
	if (ret == 0)
		ret = publish_route(attachment, err);
	if (ret == 0)
		ret = publish_proxy(attachment, &added, err);
	if (ret == 0)
		ret = publish_sysctls(attachment, err);
	if (ret < 0 || (!added && announced(attachment)))
		return ret;
	attachment->announced.ifindex = attachment->uplink.ifindex;
	attachment->announced.mac = attachment->uplink.mac;
	attachment->announce_again = true;
	return host_announce(&attachment->host, attachment_address(attachment),
			     attachment_uplink(attachment), &attachment->uplink.mac, err);
}

int attachment_withdraw(struct attachment *attachment, struct error *err)
{
	if (!attachment->published)
		return 0;
	attachment->published = false;
	attachment->announced.ifindex = 0;
	return host_proxy_delete(&attachment->host, attachment_address(attachment),
				 attachment_uplink(attachment), err);
}

/* The guest can reach the gateway of `gateway: ADDRESS` only inside the subnet. */
static int check_gateway(const struct attachment *attachment, const struct uplink *uplink,
			 struct error *err)
{
	const struct setup_record *setup = &attachment->setup;
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];

	if (setup->gateway_mode != GATEWAY_ADDRESS ||
	    ipv4_prefix_host(&uplink->prefix, setup->gateway))
		return 0;
	return error_setf(err, STATUS_NETWORK, EADDRNOTAVAIL,
			  "gateway %s is not in %s, the subnet of uplink '%s'",
			  ipv4_text(setup->gateway, address),
			  ipv4_prefix_text(&uplink->prefix, subnet), uplink->ifname);
}

static int make_tap(struct attachment *attachment, struct error *err)
{
	const struct setup_record *setup = &attachment->setup;
	int ret;

	ret = host_tap_add(&attachment->host, attachment->lease.record.tap, setup->queues,
			   setup->offload, attachment->tap_fds, &attachment->tap_ifindex, err);
	attachment->queues = ret < 0 || attachment->host.dry_run ? 0 : setup->queues;
	return ret;
}

int attachment_make(struct attachment *attachment, struct error *err)
{
	const struct setup_record *setup = &attachment->setup;
	const struct in_addr nobody = { INADDR_ANY };
	struct uplink uplink;
	int ret;

	ret = attachment_find_uplink(attachment, &uplink, err);
	if (ret == 0)
		ret = check_gateway(attachment, &uplink, err);
	if (ret == 0)
		ret = attachment_use_uplink(attachment, &uplink, err);
	if (ret == 0)
		ret = allocate(setup, &attachment->uplink, &attachment->host, nobody,
			       &attachment->lease, err);
	if (ret == 0)
		ret = make_tap(attachment, err);
	if (ret == 0)
		ret = attachment_publish(attachment, err);
	if (ret == 0)
		network_note(&attachment->network, &attachment->uplink, attachment->host.route);
	return ret;
}

/* Security: the descriptors must be queues of this VM's tap, and of nothing else. */
static int check_tap(const struct attachment *attachment, const int *fds, unsigned int count,
		     struct error *err)
{
	const char *ifname = attachment->lease.record.tap;

	if (count != attachment->setup.queues)
		return error_setf(err, STATUS_FAILURE, EINVAL,
				  "tap '%s' comes with %u of %u queues", ifname, count,
				  attachment->setup.queues);
	for (unsigned int i = 0; i < count; i++)
		if (!tap_is(fds[i], ifname))
			return error_setf(err, STATUS_FAILURE, EINVAL,
					  "a descriptor is not one of tap '%s'", ifname);
	return 0;
}

/* Checks that the VM's helper died and had this address. */
static int find_adopted(struct attachment *attachment, struct error *err)
{
	const struct lease_record *own = &attachment->lease.record;
	struct found_lease found = { .alive = false };
	int dir = lease_dir_lock(true, err);

	if (dir < 0)
		return dir;
	attachment->lease.adopted = lease_find(dir, own->name, &found) == 0 && !found.alive &&
				    found.record.owner == own->owner &&
				    found.record.address_count == 1 &&
				    ipv4_equal(found.record.addresses[0],
					       attachment->setup.remembered[0]);
	lease_dir_unlock(dir);
	/* Root may go on even if the lease was removed. */
	if (!attachment->lease.adopted && !found.alive && attachment->host.authorization)
		return error_setf(err, STATUS_FAILURE, ENOENT,
				  "cannot adopt VM '%s': it has no lease", own->name);
	return 0;
}

/*
 * The tap becomes ours, to be deleted at the end, only after the lease: the tap of a VM whose
 * helper lives is left alone, even for a client that has a descriptor of it.
 */
static int adopt_here(struct attachment *attachment, struct error *err)
{
	struct setup_record fixed = attachment->setup;
	const struct in_addr nobody = { INADDR_ANY };
	int ret;

	ret = find_adopted(attachment, err);
	if (ret < 0)
		return ret;
	/*
	 * With its lease, the address is in use by this very VM and not probed again. Without the
	 * lease, it is probed like any other.
	 */
	fixed.address = attachment->setup.remembered[0];
	ret = allocate(&fixed, &attachment->uplink, &attachment->host, nobody, &attachment->lease,
		       err);
	attachment->lease.adopted = false;
	if (ret < 0)
		return ret;
	attachment->tap_ifindex = if_nametoindex(attachment->lease.record.tap);
	if (attachment->tap_ifindex == 0)
		return error_set_errno(err, errno, "cannot find tap '%s'",
				       attachment->lease.record.tap);
	ret = attachment_publish(attachment, err);
	if (ret == 0)
		network_note(&attachment->network, &attachment->uplink, attachment->host.route);
	return ret;
}

/*
 * The uplink has no network now, or another one. Adopts the lease unchanged; roam() later finds the
 * uplink and the address anew.
 */
static int adopt_away(struct attachment *attachment, struct error *err)
{
	struct lease_record *record = &attachment->lease.record;
	struct found_lease found;
	int dir, ret;

	dir = lease_dir_lock(true, err);
	if (dir < 0)
		return dir;
	ret = lease_find(dir, record->name, &found);
	if (ret == 0 && found.record.owner == record->owner) {
		memcpy(record->uplink, found.record.uplink, sizeof(record->uplink));
		record->ifindex = found.record.ifindex;
		record->addresses[0] = attachment->setup.remembered[0];
		record->address_count = 1;
		attachment->lease.adopted = true;
		ret = lease_take(dir, &attachment->lease, err);
		attachment->lease.adopted = false;
	} else {
		ret = error_set_errno(err, ret < 0 ? -ret : EPERM, "cannot adopt the lease of '%s'",
				      record->name);
	}
	lease_dir_unlock(dir);
	if (ret < 0)
		return ret;
	attachment->tap_ifindex = if_nametoindex(record->tap);
	if (attachment->tap_ifindex == 0)
		return error_set_errno(err, errno, "cannot find tap '%s'", record->tap);
	memcpy(attachment->uplink.ifname, record->uplink, sizeof(record->uplink));
	attachment->uplink.ifindex = record->ifindex;
	attachment->published = true;
	attachment->unproven = true;
	attachment->state = LAN_AWAY;
	snprintf(attachment->reason, sizeof(attachment->reason), "uplink '%s' is away",
		 record->uplink);
	return 0;
}

int attachment_adopt(struct attachment *attachment, const int *fds, unsigned int count,
		     struct error *err)
{
	struct uplink uplink;
	int ret;

	ret = check_tap(attachment, fds, count, err);
	if (ret < 0) {
		close_timeout_fds(fds, count);
		return ret;
	}
	for (unsigned int i = 0; i < count; i++)
		attachment->tap_fds[i] = fds[i];
	attachment->queues = count;
	ret = attachment_find_uplink(attachment, &uplink, err);
	if (ret == -ENODEV || ret == -ENOTUNIQ ||
	    (ret == 0 && !ipv4_prefix_host(&uplink.prefix, attachment->setup.remembered[0])))
		return adopt_away(attachment, err);
	if (ret == 0)
		ret = attachment_use_uplink(attachment, &uplink, err);
	return ret < 0 ? ret : adopt_here(attachment, err);
}

/* Keeps the first of several errors. */
static void keep_error(int *result, int ret, struct error *err, const struct error *error)
{
	if (ret == 0 || *result < 0)
		return;
	*result = ret;
	*err = *error;
}

static int drop_lease(struct attachment *attachment, struct error *err)
{
	int dir;
	int ret;

	dir = lease_dir_lock(true, err);
	if (dir < 0) {
		/* The lease is dead now, and any helper can remove it. close() is not enough:
		 * the child that waits for the tap's removal has a copy. */
		flock(attachment->lease.fd, LOCK_UN);
		close(attachment->lease.fd);
		attachment->lease.fd = -1;
		return dir;
	}
	lease_drop(dir, &attachment->lease);
	ret = lease_stale_remove(dir, &attachment->host, err);
	lease_dir_unlock(dir);
	return ret;
}

int attachment_undo(struct attachment *attachment, struct error *err)
{
	struct error error;
	int result = 0;

	if (attachment->host.dry_run)
		return 0;
	keep_error(&result, attachment_withdraw(attachment, &error), err, &error);
	/* Removes the tap with its route, even if other processes hold descriptors of it. */
	if (attachment->tap_ifindex)
		keep_error(&result,
			   host_link_delete(&attachment->host, attachment_tap(attachment), &error),
			   err, &error);
	attachment->tap_ifindex = 0;
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		if (attachment->tap_fds[i] >= 0)
			close(attachment->tap_fds[i]);
		attachment->tap_fds[i] = -1;
	}
	if (attachment->lease.fd >= 0)
		keep_error(&result, drop_lease(attachment, &error), err, &error);
	return result;
}
