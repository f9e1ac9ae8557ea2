// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one change to the host for each kind of request.
#include "netsetup/maker/change.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/dhcp_socket.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/maker/antispoof.h"
#include "netsetup/maker/promiscuous.h"

/* All values that are ever set, of a tap or an uplink. */
static const struct sysctl sysctls[] = {
	{ "ipv4/conf", NULL, "forwarding" },   { "ipv4/conf", NULL, "proxy_arp" },
	{ "ipv4/conf", NULL, "rp_filter" },    { "ipv4/neigh", NULL, "proxy_delay" },
	{ "ipv6/conf", NULL, "disable_ipv6" },
};

const struct sysctl *change_sysctl_of(uint32_t key)
{
	return key < ARRAY_SIZE(sysctls) ? &sysctls[key] : NULL;
}

/* An existing interface is never taken over. */
int change_tap_add(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;
	int ret;

	ret = tap_open(request->ifname, (unsigned int)request->number, request->offload,
		       change->fds, err);
	if (ret < 0)
		return ret;
	*change->ifindex = if_nametoindex(request->ifname);
	return *change->ifindex
		       ? 0
		       : error_set_errno(err, errno, "cannot find tap '%s'", request->ifname);
}

static int request_done(const struct change *change, struct nl_msg *message)
{
	return message ? netlink_request(change->route, message, NULL, NULL) : -ENOMEM;
}

/* Builds a link request by index, which never means a renamed or re-created interface. */
static struct nl_msg *link_message(const struct change *change, int type, unsigned int flags)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC,
					  .ifi_index = (int)change->request->ifindex,
					  .ifi_flags = flags,
					  .ifi_change = flags };

	return netlink_message(type, 0, &header, sizeof(header));
}

int change_link_up(const struct change *change, struct error *err)
{
	const struct maker_request *request = change->request;
	cleanup_nl_msg *message = link_message(change, RTM_NEWLINK, IFF_UP);
	int ret = -ENOMEM;

	if (message && nla_put_u32(message, IFLA_MTU, (uint32_t)request->number) == 0 &&
	    nla_put(message, IFLA_ADDRESS, sizeof(request->mac), &request->mac) == 0 &&
	    nla_put_string(message, IFLA_IFALIAS, INTERFACE_ALIAS) == 0)
		ret = request_done(change, message);
	return ret < 0 ? error_set_errno(err, -ret, "cannot bring '%s' up", change->ifname) : 0;
}

/*
 * Safe: an index does not come back after its interface is gone, so a tap that its holder made
 * persistent is not confused with another interface.
 */
int change_link_delete(const struct change *change, struct error *err)
{
	cleanup_nl_msg *message = link_message(change, RTM_DELLINK, 0);
	const int ret = request_done(change, message);

	if (ret < 0 && ret != -ENODEV)
		return error_set_errno(err, -ret, "cannot delete '%s'", change->ifname);
	return 0;
}

int change_filter(const struct change *change, struct error *err)
{
	return antispoof_set(change->route,
			     (struct interface_id){ change->ifname, change->request->ifindex },
			     change->request->address, err);
}

/*
 * /proc/sys, unlike netlink's IFLA_INET_CONF, notifies listeners (RTM_NEWNETCONF) and flushes the
 * route cache (devinet_sysctl_forward() in net/ipv4/devinet.c).
 */
int change_sysctl(const struct change *change, struct error *err)
{
	struct sysctl sysctl = sysctls[change->request->key];

	sysctl.ifname = change->ifname;
	return sysctl_write(&sysctl, change->request->number, err);
}

/*
 * A /32 through the tap. Its source is an address of this host (fib_valid_prefsrc() in
 * net/ipv4/fib_semantics.c), with which the kernel removes the route. A deletion needs none.
 */
static int change_route(const struct change *change, int type, int flags)
{
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = 32,
				      .rtm_table = RT_TABLE_MAIN,
				      .rtm_protocol = CHANGE_PROTOCOL,
				      .rtm_scope = RT_SCOPE_LINK,
				      .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message ||
	    nla_put(message, RTA_DST, sizeof(struct in_addr), &change->request->address) < 0 ||
	    nla_put_u32(message, RTA_OIF, change->request->ifindex) < 0 ||
	    (type == RTM_NEWROUTE &&
	     nla_put(message, RTA_PREFSRC, sizeof(struct in_addr), &change->request->source) < 0))
		return -ENOMEM;
	return request_done(change, message);
}

/* It never replaces a route. */
int change_route_add(const struct change *change, struct error *err)
{
	const int ret = change_route(change, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	char text[IPV4_TEXT_SIZE];

	return ret < 0 ? error_set_errno(err, -ret, "cannot add a route to %s through '%s'",
					 ipv4_text(change->request->address, text), change->ifname)
		       : 0;
}

int change_route_delete(const struct change *change, struct error *err)
{
	const int ret = change_route(change, RTM_DELROUTE, 0);
	char text[IPV4_TEXT_SIZE];

	if (ret == 0 || ret == -ESRCH || ret == -ENODEV)
		return 0;
	return error_set_errno(err, -ret, "cannot delete the route to %s through '%s'",
			       ipv4_text(change->request->address, text), change->ifname);
}

/* The proxy entry of one address on one interface. */
static int change_proxy(const struct change *change, int type, int flags)
{
	const struct ndmsg header = { .ndm_family = AF_INET,
				      .ndm_ifindex = (int)change->request->ifindex,
				      .ndm_state = NUD_PERMANENT,
				      .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message ||
	    nla_put(message, NDA_DST, sizeof(struct in_addr), &change->request->address) < 0 ||
	    (type == RTM_NEWNEIGH && nla_put_u8(message, NDA_PROTOCOL, CHANGE_PROTOCOL) < 0))
		return -ENOMEM;
	return request_done(change, message);
}

int change_proxy_add(const struct change *change, struct error *err)
{
	const int ret = change_proxy(change, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	char text[IPV4_TEXT_SIZE];

	return ret < 0 ? error_set_errno(err, -ret, "cannot add a proxy entry for %s on '%s'",
					 ipv4_text(change->request->address, text), change->ifname)
		       : 0;
}

int change_proxy_delete(const struct change *change, struct error *err)
{
	const int ret = change_proxy(change, RTM_DELNEIGH, 0);
	char text[IPV4_TEXT_SIZE];

	if (ret == 0 || ret == -ENOENT || ret == -ENODEV)
		return 0;
	return error_set_errno(err, -ret, "cannot delete the proxy entry for %s on '%s'",
			       ipv4_text(change->request->address, text), change->ifname);
}

int change_arp_socket(const struct change *change, struct error *err)
{
	const struct interface_id uplink = { change->ifname, change->request->ifindex };
	cleanup_fd int fd = arp_open(uplink.ifindex, err);

	if (fd < 0) {
		error_context(err, "cannot listen for ARP on '%s'", change->ifname);
		return -err->code;
	}
	if (promiscuous_set(fd, uplink, (enum promiscuous_mode)change->request->number, err) < 0)
		return -err->code;
	change->fds[0] = take_fd(&fd);
	return 0;
}

int change_dhcp_socket(const struct change *change, struct error *err)
{
	const int fd = dhcp_socket_open(change->request->ifindex, err);

	if (fd < 0) {
		error_context(err, "cannot serve DHCP on '%s'", change->ifname);
		return -err->code;
	}
	change->fds[0] = fd;
	return 0;
}
