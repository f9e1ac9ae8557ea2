// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one VM's place on the host whole: tap, filter, route, proxy entry, sysctls.
#include "netsetup/service/publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <uuid/uuid.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/stall.h"
#include "netsetup/kernel/query.h"
#include "netsetup/service/access.h"
#include "netsetup/service/ask.h"
#include "netsetup/service/guest_rules.h"

/*
 * Values of the tap before it is up. Without IPv6, no router advertisement of a guest reaches the
 * host. By strict reverse-path filtering and the tap's single /32 route, the guest can send only
 * with its own address. proxy_arp answers the guest for the router and every other host of the LAN,
 * without the random delay. The tap has no address, so with arp_ignore the kernel would not answer
 * for this host.
 */
static const struct {
	const char *tree;
	const char *key;
	int value;
	bool optional; /* a kernel may lack it */
	bool routed;   /* 0 for a bridged VM */
} tap_values[] = {
	{ "ipv6/conf", "disable_ipv6", 1, true, false },
	{ "ipv4/conf", "rp_filter", 1, false, false },
	{ "ipv4/conf", "proxy_arp", 1, false, true },
	{ "ipv4/neigh", "proxy_delay", 0, false, true },
	{ "ipv4/conf", "arp_ignore", 0, false, true },
	{ "ipv4/conf", "forwarding", 1, false, true },
};

/*
 * The tap's hardware address is stable: a guest that was resumed or restored keeps a right
 * neighbour entry for it. It is locally administered (IEEE 802: second lowest bit of the first
 * octet).
 */
static struct ether_addr tap_mac(const struct vm *vm)
{
	const unsigned int card = vm->record.attach.card;
	struct ether_addr mac = { { 0x02 } };
	char purpose[16] = "tap";
	uuid_t digest;

	if (card)
		snprintf(purpose, sizeof(purpose), "tap-%u", card);
	uuid_generate_sha1(digest, vm->record.attach.uuid, purpose, strlen(purpose));
	memcpy(mac.ether_addr_octet + 1, digest, sizeof(mac) - 1);
	return mac;
}

/* Waits for the changes so far, of which the last one returned @ret; returns the first error. */
static int settle(struct host *host, int ret, struct error *err)
{
	struct error ignored;
	const int settled = host_settle(host, ret < 0 ? &ignored : err);

	return ret < 0 ? ret : settled;
}

/* Gives up a tap of which another process took a queue before it was root's. */
static int check_queues(struct host *host, const struct vm *vm, struct error *err)
{
	struct link_state link = { 0 };
	struct error ignored;
	int ret = 0;

	if (!host->dry_run)
		ret = query_link(host->route, vm->record.tap_ifindex, &link);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot find tap '%s'", vm->record.tap);
	if (link.queues <= vm->record.attach.queues)
		return 0;
	host_link_delete(host, vm_tap(vm), &ignored);
	return error_setf(err, STATUS_PERMISSION, EPERM, "another process opened tap '%s'",
			  vm->record.tap);
}

static int make_tap(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const struct attach_record *attach = &vm->record.attach;
	int ret;

	ret = host_tap_add(host, vm->record.tap, attach->queues, attach->offload, vm->tap_fds,
			   &vm->record.tap_ifindex, err);
	if (ret == 0)
		ret = check_queues(host, vm, err);
	/* Killed before it is saved, this process has the only descriptors of the tap. */
	return ret < 0 ? ret : state_save(state, err);
}

static int publish_values(struct host *host, const struct vm *vm, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(tap_values); i++) {
		const struct sysctl sysctl = { tap_values[i].tree, vm->record.tap,
					       tap_values[i].key };
		/* A dry run has no tap yet, which would get the default value. */
		const struct sysctl present = { sysctl.tree,
						host->dry_run ? "default" : sysctl.ifname,
						sysctl.key };
		const bool none = tap_values[i].routed && vm->record.path == PATH_BRIDGED;
		const int wanted = none ? 0 : tap_values[i].value;
		int value, ret;

		if (none && (host->dry_run || !tap_values[i].value))
			continue;
		ret = sysctl_read(&present, &value, err);
		if (ret == -ENOENT && tap_values[i].optional)
			continue;
		/* Only the first network namespace has default values of neighbours. */
		if (ret == -ENOENT && host->dry_run) {
			value = !wanted;
			ret = 0;
		}
		if (ret == 0 && value != wanted)
			ret = host_sysctl(host, &sysctl, wanted, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Sets each of the tap's values and its state, where it differs. */
static int publish_tap(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const struct interface_id tap = vm_tap(vm);
	const struct ether_addr mac = tap_mac(vm);
	struct link_state link = { 0 };
	int ret;

	host_ahead(host);
	ret = publish_values(host, vm, err);
	ret = settle(host, ret, err);
	/* Before the guest can send at all. */
	if (ret == 0)
		ret = tables_put(state, host, vm, vm->record.address, err);
	if (ret < 0)
		return ret;
	if (!host->dry_run)
		ret = query_link(host->route, tap.ifindex, &link);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot find tap '%s'", tap.ifname);
	if (link.up && link.mtu == vm->uplink.mtu)
		return 0;
	return host_link_up(host, tap, &mac, vm->uplink.mtu, err);
}

int publish_dhcp(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	struct worker_message message = { .type = WORKER_DHCP,
					  .vm = vm->record.id,
					  .mac = tap_mac(vm) };
	const int off = 0;
	cleanup_fd int packet = -1;
	int sockets[2];
	int ret;

	packet = host_dhcp_socket(host, vm_tap(vm), err);
	if (packet < 0)
		return packet;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a DHCP socket");
	/* Linux 6.16: the client cannot even send descriptors. */
	(void)setsockopt(sockets[0], SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	ret = worker_link_send(&state->worker, &message, (int[]){ packet, sockets[0] }, 2, err);
	close(sockets[0]);
	if (ret < 0)
		close(sockets[1]);
	else
		vm->dhcp = sockets[1];
	vm->dhcp_open = ret == 0;
	return ret;
}

/* The table drops a guest's foreign frames without a word: the worker reports the first. */
static int publish_sources(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const struct worker_message message = { .type = WORKER_SOURCES, .vm = vm->record.id };
	cleanup_fd int socket = host_frame_socket(host, vm_tap(vm), err);
	int ret;

	if (socket < 0)
		return socket;
	ret = worker_link_send(&state->worker, &message, &socket, 1, err);
	vm->sources_open = ret == 0;
	return ret;
}

static int publish_route(struct host *host, const struct vm *vm, struct error *err)
{
	int ret = 0;

	/* A look-up could have its answer from a rule of another program. */
	if (host->dry_run || !guest_rules_has_route(host, vm))
		ret = host_route_add(host, vm->record.address, vm_tap(vm), err);
	return ret < 0 ? ret : guest_rules_publish(host, vm, err);
}

static int publish_proxy(struct host *host, const struct vm *vm, bool *added, struct error *err)
{
	*added = host->dry_run ||
		 query_proxy(host->route, vm->record.address, vm->uplink.ifindex) != 1;
	return *added ? host_proxy_add(host, vm->record.address, uplink_check_id(&vm->uplink), err)
		      : 0;
}

static int publish_routed(struct state *state, struct host *host, struct vm *vm, bool *added,
			  struct error *err)
{
	int ret;

	host_ahead(host);
	ret = publish_route(host, vm, err);
	/* The LAN need not find the address of a question. */
	if (ret == 0 && !vm->record.attach.question)
		ret = publish_proxy(host, vm, added, err);
	if (ret == 0)
		ret = guest_rules_guard(state, host, vm, err);
	/* Before this host forwards. */
	ret = settle(host, ret, err);
	host_ahead(host);
	if (ret == 0)
		ret = uplink_values_set(&state->uplinks, host, uplink_check_id(&vm->uplink), err);
	return ret;
}

/* Notes the uplink before the VM is published there, so that it is withdrawn in any case. */
static int note_published(struct state *state, const struct host *host, struct vm *vm,
			  struct error *err)
{
	if (host->dry_run || vm->record.published_on == vm->uplink.ifindex)
		return 0;
	vm->record.published_on = vm->uplink.ifindex;
	return state_save(state, err);
}

/* Has the worker defend the address, and announce it where the LAN does not know it yet. */
static int defend(struct state *state, struct host *host, struct vm *vm, bool announce,
		  struct error *err)
{
	char text[IPV4_TEXT_SIZE];

	/* Report a comment: arping(8), the usual tool, announces only addresses of the host. */
	if (announce && !host_report(host, "# gratuitous ARP: %s is on %s",
				     ipv4_text(vm->record.address, text), vm->uplink.ifname))
		return 0;
	if (announce)
		access_begin(state, host, vm);
	return access_defend(state, vm, announce, err);
}

int publish(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	bool added = false, announce;
	int ret = 0;

	if (!vm->record.tap_ifindex)
		ret = make_tap(state, host, vm, err);
	if (ret == 0)
		ret = publish_tap(state, host, vm, err);
	if (ret == 0 && vm->record.attach.dhcp && !vm->dhcp_open && !host->dry_run)
		ret = publish_dhcp(state, host, vm, err);
	if (ret == 0 && !vm->sources_open && !host->dry_run && !vm->record.attach.question)
		ret = publish_sources(state, host, vm, err);
	if (ret == 0)
		ret = note_published(state, host, vm, err);
	/* The table has all that a bridged VM needs. */
	if (ret == 0 && vm->record.path == PATH_ROUTED)
		ret = publish_routed(state, host, vm, &added, err);
	ret = settle(host, ret, err);
	if (ret < 0 || vm->record.attach.question)
		return ret;
	announce = added || !vm_same_station(vm, &vm->announced) || vm->record.attach.announce;
	vm->announced = vm_station(vm);
	return defend(state, host, vm, announce, err);
}

/*
 * Removes a routed VM's place but for the tap and what keeps its guest from other networks. The
 * next network may have the same numbers: the host's packets to a station there would go to the
 * guest.
 */
static int withdraw_routed(struct state *state, struct host *host, const struct vm *vm,
			   unsigned int ifindex, struct error *err)
{
	char ifname[IFNAMSIZ];
	struct error ignored;

	host_ahead(host);
	if (vm->record.tap_ifindex)
		host_route_delete(host, vm->record.address, vm_tap(vm), &ignored);
	if (!host->dry_run)
		guest_rules_sweep(state, host, &ignored);
	host_settle(host, &ignored);
	if (!if_indextoname(ifindex, ifname)) {
		/* The entry is gone with its interface. */
		if (errno == ENXIO)
			return 0;
		ifname[0] = '\0';
	}
	/* The name becomes part of the reported command and of messages. */
	if (!ifname_valid(ifname))
		memcpy(ifname, "IF", sizeof("IF"));
	return host_proxy_delete(host, vm->record.address, (struct interface_id){ ifname, ifindex },
				 err);
}

int publish_withdraw(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const struct worker_message rest = { .type = WORKER_REST, .vm = vm->record.id };
	const unsigned int ifindex = vm->record.published_on;
	struct error ignored;
	int ret;

	if (vm->arp.ifindex) {
		worker_link_send(&state->worker, &rest, NULL, 0, &ignored);
		vm->access_job = 0;
	}
	vm->announced.ifindex = 0;
	if (!ifindex)
		return 0;
	vm->record.published_on = 0;
	ret = vm->record.path == PATH_BRIDGED ? tables_rest(state, host, vm, err)
					      : withdraw_routed(state, host, vm, ifindex, err);
	/* The next service must not publish it without a proof. */
	return ret < 0 ? ret : state_save(state, err);
}

static bool uplink_in_use(unsigned int ifindex, const void *context)
{
	const struct state *state = context;

	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.path == PATH_ROUTED &&
		    ((vm->record.published_on == ifindex && !vm_dead(vm)) ||
		     (vm->phase != VM_IDLE && vm->record.attach.ifindex == ifindex)))
			return true;
	return false;
}

int publish_restore(struct state *state, struct host *host, struct error *err)
{
	const struct uplink_records before = state->uplinks;
	int ret;

	ret = uplink_values_restore(&state->uplinks, host, uplink_in_use, state, err);
	host_ahead(host);
	if (ret == 0)
		ret = guest_rules_sweep(state, host, err);
	ret = settle(host, ret, err);
	if (host->dry_run)
		state->uplinks = before;
	else if (ret == 0 && state->uplinks.count != before.count)
		ret = state_save(state, err);
	return ret;
}

/* Keeps the first of several errors. */
static void keep_error(int *result, int ret, struct error *err, const struct error *error)
{
	if (ret == 0 || *result < 0)
		return;
	*result = ret;
	*err = *error;
}

int publish_undo(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const struct worker_message forget = { .type = WORKER_FORGET, .vm = vm->record.id };
	const struct interface_id tap = vm_tap(vm);
	struct error error;
	int result = 0;

	if (host->dry_run)
		return 0;
	/*
	 * Threat: another process has a descriptor of the tap, and sends while the rules are
	 * removed that keep the guest from this host's other networks. A tap that is down passes
	 * nothing, and only CAP_NET_ADMIN brings it up. It is deleted last, because the maker is
	 * busy with that for 10 to 20 ms. Test: test_whole in test_client.c.
	 */
	if (tap.ifindex)
		keep_error(&result, host_link_down(host, tap, &error), err, &error);
	keep_error(&result, tables_take(state, host, vm, &error), err, &error);
	vm->record.tap_ifindex = 0;
	keep_error(&result, publish_withdraw(state, host, vm, &error), err, &error);
	keep_error(&result, ask_undo(host, vm, &error), err, &error);
	if (vm->arp.ifindex)
		worker_link_send(&state->worker, &forget, NULL, 0, &error);
	vm->arp.ifindex = 0;
	keep_error(&result, publish_restore(state, host, &error), err, &error);
	/* Also if other processes hold descriptors of it. */
	if (tap.ifindex)
		keep_error(&result, host_link_delete_soon(host, tap, &error), err, &error);
	tables_release(state);
	return result;
}
