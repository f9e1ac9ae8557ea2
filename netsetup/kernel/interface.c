// SPDX-License-Identifier: GPL-2.0-or-later
// Collects interfaces and IPv4 addresses from rtnetlink messages in a table.
#include "netsetup/kernel/interface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void *interface_grow(void *array, size_t count, size_t size)
{
	/* Capacities are powers of two, so an array is full only if its count is a power of two. */
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? count * 2 : 1, size);
}

static void copy_kind(struct nlattr *linkinfo, char kind[KIND_SIZE])
{
	static struct nla_policy policy[IFLA_INFO_MAX + 1] = {
		[IFLA_INFO_KIND] = { .type = NLA_STRING },
	};
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_INFO_MAX, linkinfo, policy) < 0 || !attrs[IFLA_INFO_KIND])
		return;
	if (nla_len(attrs[IFLA_INFO_KIND]) <= KIND_SIZE)
		memcpy(kind, nla_data(attrs[IFLA_INFO_KIND]),
		       (size_t)nla_len(attrs[IFLA_INFO_KIND]));
}

int interface_add_link(struct nlmsghdr *header, void *context)
{
	static struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IFNAMSIZ },
		[IFLA_MTU] = { .type = NLA_U32 },
		[IFLA_MASTER] = { .type = NLA_U32 },
		[IFLA_LINKINFO] = { .type = NLA_NESTED },
		[IFLA_CARRIER_CHANGES] = { .type = NLA_U32 },
	};
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct interfaces *table = context;
	struct interface link = { 0 };
	struct interface *links;

	if (header->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, policy) < 0 ||
	    !attrs[IFLA_IFNAME] || info->ifi_index <= 0)
		return -EBADMSG;

	link.ifindex = (unsigned int)info->ifi_index;
	link.flags = info->ifi_flags;
	link.type = info->ifi_type;
	memcpy(link.ifname, nla_data(attrs[IFLA_IFNAME]), (size_t)nla_len(attrs[IFLA_IFNAME]));
	if (attrs[IFLA_MTU])
		link.mtu = nla_get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_MASTER])
		link.master = nla_get_u32(attrs[IFLA_MASTER]);
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == sizeof(link.mac))
		memcpy(&link.mac, nla_data(attrs[IFLA_ADDRESS]), sizeof(link.mac));
	if (attrs[IFLA_CARRIER_CHANGES])
		link.carrier_changes = nla_get_u32(attrs[IFLA_CARRIER_CHANGES]);
	link.ours = attrs[IFLA_IFALIAS] &&
		    nla_len(attrs[IFLA_IFALIAS]) == sizeof(INTERFACE_ALIAS) &&
		    !memcmp(nla_data(attrs[IFLA_IFALIAS]), INTERFACE_ALIAS,
			    sizeof(INTERFACE_ALIAS));
	if (attrs[IFLA_LINKINFO])
		copy_kind(attrs[IFLA_LINKINFO], link.kind);

	links = interface_grow(table->links, table->link_count, sizeof(*links));
	if (!links)
		return -ENOMEM;
	table->links = links;
	links[table->link_count++] = link;
	return 0;
}

int interface_add_address(struct nlmsghdr *header, void *context)
{
	static struct nla_policy policy[IFA_MAX + 1] = {
		[IFA_ADDRESS] = { .type = NLA_U32 },
		[IFA_LOCAL] = { .type = NLA_U32 },
		[IFA_BROADCAST] = { .type = NLA_U32 },
		[IFA_FLAGS] = { .type = NLA_U32 },
	};
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct interface_address *addresses, address;
	struct nlattr *attrs[IFA_MAX + 1];
	struct interfaces *table = context;

	if (header->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (!nlmsg_valid_hdr(header, sizeof(*info)))
		return -EBADMSG;
	if (info->ifa_family != AF_INET)
		return 0;
	if (nlmsg_parse(header, sizeof(*info), attrs, IFA_MAX, policy) < 0 || !attrs[IFA_LOCAL] ||
	    info->ifa_prefixlen > 32)
		return -EBADMSG;

	address = (struct interface_address){
		.ifindex = info->ifa_index,
		.prefix = { .address.s_addr = nla_get_u32(attrs[IFA_LOCAL]),
			    .length = info->ifa_prefixlen },
		.scope = info->ifa_scope,
		.flags = attrs[IFA_FLAGS] ? nla_get_u32(attrs[IFA_FLAGS]) : info->ifa_flags,
		.peer = attrs[IFA_ADDRESS] &&
			nla_get_u32(attrs[IFA_ADDRESS]) != nla_get_u32(attrs[IFA_LOCAL]),
		.broadcast.s_addr = attrs[IFA_BROADCAST] ? nla_get_u32(attrs[IFA_BROADCAST])
							 : INADDR_ANY,
	};
	addresses = interface_grow(table->addresses, table->address_count, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	table->addresses = addresses;
	addresses[table->address_count++] = address;
	return 0;
}

void interface_table_done(struct interfaces *table)
{
	free(table->links);
	free(table->addresses);
	free(table->routes);
	memset(table, 0, sizeof(*table));
}

struct interface *interface_by_index(const struct interfaces *table, unsigned int ifindex)
{
	for (size_t i = 0; i < table->link_count; i++)
		if (table->links[i].ifindex == ifindex)
			return &table->links[i];
	return NULL;
}

struct interface *interface_by_name(const struct interfaces *table, const char *ifname)
{
	for (size_t i = 0; i < table->link_count; i++)
		if (!strncmp(table->links[i].ifname, ifname, IFNAMSIZ))
			return &table->links[i];
	return NULL;
}
