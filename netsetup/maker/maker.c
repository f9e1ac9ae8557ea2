// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes single changes to the host, each of which it checks itself.
#include "netsetup/maker/maker.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/fd_pass.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/modes.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/refusal.h"
#include "netsetup/maker/change.h"
#include "netsetup/maker/maker_record.h"
#include "netsetup/table/gate.h"
#include "netsetup/table/local.h"
#include "netsetup/table/table.h"

/* Kinds of interface that a request can concern. */
enum side {
	SIDE_NONE,   /* there is none yet */
	SIDE_TAP,    /* a tap of ours */
	SIDE_UPLINK, /* an Ethernet interface that is no tap */
	SIDE_EITHER,
	SIDE_NO_TAP, /* any interface, to remove what it got when it was an uplink */
	SIDE_HOST,   /* no interface: the host */
};

/*
 * The rows of enum maker_type. @owner: with the socket that owns a table. @tap: with a tap besides
 * the uplink.
 */
static const struct kind {
	enum side side;
	bool address;
	int32_t least;
	int32_t most;
	int (*make)(const struct change *change, struct error *err);
	bool owner;
	bool tap;
} kinds[] = {
	[MAKER_TAP_ADD] = { SIDE_NONE, false, 1, QUEUES_MAX, change_tap_add, false, false },
	[MAKER_LINK_UP] = { SIDE_TAP, false, 68, 65535, change_link_up, false, false },
	[MAKER_LINK_DOWN] = { SIDE_TAP, false, 0, 0, change_link_down, false, false },
	[MAKER_LINK_DELETE] = { SIDE_TAP, false, 0, 0, change_link_delete, false, false },
	[MAKER_SYSCTL] = { SIDE_EITHER, false, 0, INT32_MAX, change_sysctl, false, false },
	[MAKER_ROUTE_ADD] = { SIDE_TAP, true, 0, 0, change_route_add, false, false },
	[MAKER_ROUTE_DELETE] = { SIDE_TAP, true, 0, 0, change_route_delete, false, false },
	[MAKER_PROXY_ADD] = { SIDE_UPLINK, true, 0, 0, change_proxy_add, false, false },
	[MAKER_PROXY_DELETE] = { SIDE_NO_TAP, true, 0, 0, change_proxy_delete, false, false },
	[MAKER_ARP_SOCKET] = { SIDE_UPLINK, false, 0, PROMISCUOUS_OFF, change_arp_socket, false,
			       false },
	[MAKER_FRAME_SOCKET] = { SIDE_EITHER, false, 0, 0, change_frame_socket, false, false },
	[MAKER_DHCP_SOCKET] = { SIDE_TAP, false, 0, 0, change_dhcp_socket, false, false },
	[MAKER_TABLE_OPEN] = { SIDE_UPLINK, false, 0, 0, change_table_open, false, false },
	[MAKER_TABLE_BRIDGE] = { SIDE_UPLINK, false, 0, 0, change_table_bridge, true, false },
	[MAKER_TABLE_REFRESH] = { SIDE_UPLINK, false, 0, 0, change_table_refresh, true, false },
	[MAKER_TABLE_VM] = { SIDE_UPLINK, false, 0, TABLE_BRIDGED, change_table_vm, true, true },
	[MAKER_TABLE_VM_DELETE] = { SIDE_UPLINK, false, 0, 0, change_table_vm_delete, true, false },
	[MAKER_TABLE_DELETE] = { SIDE_UPLINK, false, 0, 0, change_table_delete, true, false },
	[MAKER_TABLE_DUMP] = { SIDE_UPLINK, false, 0, TABLE_COUNTED - 1, change_table_dump, true,
			       false },
	[MAKER_RULE_ADD] = { SIDE_EITHER, false, 1, CHANGE_PREFERENCE_MAX, change_rule_add, false,
			     false },
	[MAKER_RULE_DELETE] = { SIDE_NONE, false, 1, CHANGE_PREFERENCE_MAX, change_rule_delete,
				false, false },
	[MAKER_TAP_ROUTE_ADD] = { SIDE_EITHER, false, 0, 32, change_tap_route_add, false, false },
	[MAKER_TAP_ROUTE_DELETE] = { SIDE_NONE, false, 0, 32, change_tap_route_delete, false,
				     false },
	[MAKER_ASK_OPEN] = { SIDE_UPLINK, true, 0, 0, change_ask_open, false, true },
	[MAKER_ASK_LISTEN] = { SIDE_HOST, false, 0, 0, change_ask_listen, false, false },
	[MAKER_ALLOW_ADD] = { SIDE_UPLINK, true, 0, 0, change_allow_add, false, true },
	[MAKER_ALLOW_SWEEP] = { SIDE_HOST, false, 0, 1, change_allow_sweep, false, false },
	[MAKER_ALLOW_DELETE] = { SIDE_HOST, false, 0, 0, change_allow_delete, false, false },
};

int maker_sysctl_key(const struct sysctl *sysctl)
{
	const struct sysctl *known;

	for (uint32_t key = 0; (known = change_sysctl_of(key)); key++)
		if (!strcmp(known->tree, sysctl->tree) && !strcmp(known->key, sysctl->key))
			return (int)key;
	return -1;
}

static int refuse(struct error *err)
{
	return error_setf(err, STATUS_FAILURE, EPERM, "the service requested what no VM needs");
}

static bool is_tap(const struct interface *link)
{
	return !strcmp(link->kind, "tun") && ifname_valid(link->ifname) &&
	       !strncmp(link->ifname, TAP_PREFIX, strlen(TAP_PREFIX));
}

static bool is_gate(const struct interface *link)
{
	return !strncmp(link->ifname, GATE_PREFIX, strlen(GATE_PREFIX));
}

/*
 * Threat: a client has taken over the service, by a record. It can then have the maker do for any
 * VM what it does for one VM, but not touch another interface's address, routes of others, other
 * values, or a tap of another program. Test: test_maker.c.
 */
static bool side_fits(enum side side, const struct interface *link)
{
	switch (side) {
	case SIDE_TAP:
		return is_tap(link);
	case SIDE_UPLINK:
		return !refusal_link(link);
	case SIDE_EITHER:
		return is_tap(link) || !refusal_link(link);
	case SIDE_NO_TAP:
		return !is_tap(link);
	case SIDE_NONE:
	case SIDE_HOST:
		break;
	}
	return false;
}

/*
 * Threat: the service passes another descriptor, which a request would then act on. The kernel
 * checks that the socket owns the table. Test: test_maker.c.
 */
static bool owner_fits(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

/* The names are those of any chain: allow_add() says why that is safe. */
static bool allow_fits(const struct allow *allow)
{
	return (allow->family == NFPROTO_IPV4 || allow->family == NFPROTO_INET) &&
	       memchr(allow->table, '\0', sizeof(allow->table)) && allow->table[0] &&
	       memchr(allow->chain, '\0', sizeof(allow->chain)) && allow->chain[0];
}

/* A guest's own address: of one interface, not zero. */
static bool mac_fits(const struct ether_addr *mac)
{
	static const struct ether_addr none;

	return !(mac->ether_addr_octet[0] & 1) && memcmp(mac, &none, sizeof(none)) != 0;
}

static bool numbers_fit(const struct kind *kind, const struct maker_request *request)
{
	if (request->number < kind->least || request->number > kind->most || request->offload > 1)
		return false;
	if (request->type == MAKER_SYSCTL && !change_sysctl_of(request->key))
		return false;
	if (request->type == MAKER_ASK_OPEN && !ipv4_unicast(request->station))
		return false;
	if (request->type == MAKER_ALLOW_ADD && !allow_fits(&request->allow))
		return false;
	if (kind->owner && !owner_fits(request->owner))
		return false;
	if (request->type == MAKER_TABLE_VM)
		return mac_fits(&request->mac) &&
		       (ipv4_unset(request->address) || ipv4_unicast(request->address));
	if (request->tap_ifindex > INT32_MAX)
		return false;
	return !kind->address || ipv4_unicast(request->address);
}

/*
 * Threat: the service has a rule stop the packets of an interface that is no tap, or lead them to
 * a tap's table. The uplink's packets may be stopped: that is what it was before the first VM, but
 * for forwarded ones, which only VMs and this host's own addresses get then. Test: test_rules in
 * test_maker.c.
 */
static bool rule_fits(const struct maker_request *request, bool tap)
{
	return request->key < MAKER_RULES &&
	       (tap || request->key == MAKER_RULE_LOCAL || request->key == MAKER_RULE_STOP);
}

/* A route to a tap is one guest's: the table of all guests is asked for each packet. */
static bool route_fits(const struct maker_request *request, bool tap)
{
	return !tap || (request->number == 32 && ipv4_unicast(request->address));
}

static bool name_fits(const struct maker_request *request)
{
	return ifname_valid(request->ifname) &&
	       !strncmp(request->ifname, TAP_PREFIX, strlen(TAP_PREFIX));
}

/* True if nothing is left to undo once the request's interface is gone. */
static bool undoes(uint32_t type)
{
	return type == MAKER_LINK_DOWN || type == MAKER_LINK_DELETE || type == MAKER_ROUTE_DELETE ||
	       type == MAKER_PROXY_DELETE || type == MAKER_TABLE_VM_DELETE ||
	       type == MAKER_TABLE_DELETE;
}

/* Makes a change that concerns a VM's tap besides the uplink. */
static int make_with_tap(const struct kind *kind, struct change *change, struct error *err)
{
	cleanup_interfaces struct interfaces table = { 0 };
	const int ret = local_link(change->route, change->request->tap_ifindex, &table);

	if (ret < 0)
		return error_set_errno(err, -ret, "cannot find interface %u",
				       change->request->tap_ifindex);
	if (!is_tap(&table.links[0]) || is_gate(&table.links[0]))
		return refuse(err);
	change->tap = table.links[0].ifname;
	return kind->make(change, err);
}

int maker_execute(struct nl_sock *route, const struct maker_request *request, uint32_t *ifindex,
		  int fds[MAKER_FDS_MAX], struct error *err)
{
	struct change change = { route, request, request->ifname, NULL, ifindex, fds };
	cleanup_interfaces struct interfaces table = { 0 };
	const struct kind *kind;
	int ret;

	memset(fds, -1, sizeof(int) * MAKER_FDS_MAX);
	if (request->type >= ARRAY_SIZE(kinds) || !kinds[request->type].make)
		return refuse(err);
	kind = &kinds[request->type];
	if (!numbers_fit(kind, request))
		return refuse(err);
	/* They delete nothing but what is ours, and their interface may be gone. */
	if (request->type == MAKER_RULE_DELETE || request->type == MAKER_TAP_ROUTE_DELETE)
		return request->key < MAKER_RULES ? kind->make(&change, err) : refuse(err);
	if (kind->side == SIDE_NONE)
		return name_fits(request) ? kind->make(&change, err) : refuse(err);
	if (kind->side == SIDE_HOST)
		return kind->make(&change, err);
	ret = local_link(route, request->ifindex, &table);
	/* An address or a route is gone with its interface. */
	if (ret == -ENODEV && undoes(request->type))
		return 0;
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot find interface %u", request->ifindex);
	if (!side_fits(kind->side, &table.links[0]) ||
	    (request->type == MAKER_RULE_ADD && !rule_fits(request, is_tap(&table.links[0]))) ||
	    (request->type == MAKER_TAP_ROUTE_ADD &&
	     !route_fits(request, is_tap(&table.links[0]))) ||
	    (request->type == MAKER_ALLOW_ADD && !ifname_valid(table.links[0].ifname)))
		return refuse(err);
	/* The name becomes part of messages. */
	change.ifname = ifname_valid(table.links[0].ifname) ? table.links[0].ifname : "IF";
	return kind->tap ? make_with_tap(kind, &change, err) : kind->make(&change, err);
}

/*
 * Executes one request; the tap's descriptors are the service's alone afterwards. @route is opened
 * unless it is open, and closed after an error, which may have left the rest of an answer there.
 */
static int serve(int socket, struct nl_sock **route, const struct maker_request *request,
		 struct error *err)
{
	struct maker_answer answer = { 0 };
	int fds[MAKER_FDS_MAX];
	int ret;

	memset(fds, -1, sizeof(fds));
	ret = *route ? 0 : netlink_open(NETLINK_ROUTE, route, &answer.error);
	if (ret == 0)
		ret = maker_execute(*route, request, &answer.ifindex, fds, &answer.error);
	if (ret < 0) {
		nl_socket_free(*route);
		*route = NULL;
	}
	answer.code = -ret;
	ret = fd_pass_send(socket, &answer, sizeof(answer), fds, maker_record_count(fds), 0);
	maker_record_close(fds);
	/* A service that has ended need not know. */
	return ret < 0 && ret != -EPIPE ? error_set_errno(err, -ret, "cannot answer the service")
					: 0;
}

int maker_run(int socket, struct error *err)
{
	cleanup_nl_sock *route = NULL;
	struct maker_request request;
	int fds[MAKER_FDS_MAX];
	int ret = 0;

	while (ret == 0) {
		const ssize_t size = maker_record_receive(socket, &request, sizeof(request), fds);

		/* A service that ends does not wait for all answers. */
		if (size == 0 || (size < 0 && errno == ECONNRESET))
			return 0;
		if (size < 0)
			return error_set_errno(err, errno, "cannot receive from the service");
		/* The only descriptor that a request has is a table's owner. */
		request.owner = fds[0];
		request.ifname[IFNAMSIZ - 1] = '\0';
		if (size == sizeof(request) && maker_record_count(fds) <= 1)
			ret = serve(socket, &route, &request, err);
		else
			ret = error_setf(err, STATUS_FAILURE, EPROTO, "malformed request");
		maker_record_close(fds);
	}
	return ret;
}
