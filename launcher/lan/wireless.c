// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the mode and network of Wi-Fi interfaces (nl80211).
#include "launcher/lan/wireless.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/netlink.h"

#define ELEMENT_ID_SSID 0

/* Size of a path below /sys/class/net. */
#define PATH_SIZE 64

/* Size of an ifindex as text. */
#define IFINDEX_SIZE 16

const char *wireless_mode(unsigned int wireless_type)
{
	static const char *const modes[] = {
		[NL80211_IFTYPE_UNSPECIFIED] = "unknown mode",
		[NL80211_IFTYPE_ADHOC] = "ad hoc",
		[NL80211_IFTYPE_STATION] = "station",
		[NL80211_IFTYPE_AP] = "access point",
		[NL80211_IFTYPE_AP_VLAN] = "VLAN of an access point",
		[NL80211_IFTYPE_WDS] = "distribution system",
		[NL80211_IFTYPE_MONITOR] = "monitor",
		[NL80211_IFTYPE_MESH_POINT] = "mesh",
		[NL80211_IFTYPE_P2P_CLIENT] = "Wi-Fi Direct client",
		[NL80211_IFTYPE_P2P_GO] = "Wi-Fi Direct group owner",
	};

	return wireless_type < ARRAY_SIZE(modes) ? modes[wireless_type] : "unknown mode";
}

bool wireless_station(const struct interface *link)
{
	return link->wireless && (link->wireless_type == NL80211_IFTYPE_STATION ||
				  link->wireless_type == NL80211_IFTYPE_UNSPECIFIED);
}

int wireless_ssid(const uint8_t *ssid, size_t length, char text[SSID_TEXT_SIZE])
{
	static const uint8_t hidden[SSID_MAX];

	if (length > SSID_MAX)
		return -EBADMSG;
	if (!memcmp(ssid, hidden, length))
		length = 0;
	printable(ssid, length, text);
	return 0;
}

int wireless_elements_ssid(const uint8_t *elements, size_t size, char text[SSID_TEXT_SIZE])
{
	size_t at = 0;

	while (size - at >= 2) {
		uint8_t id = elements[at], length = elements[at + 1];

		at += 2;
		if (length > size - at)
			return -EBADMSG;
		if (id == ELEMENT_ID_SSID)
			return wireless_ssid(elements + at, length, text);
		at += length;
	}
	return -ENOENT;
}

int wireless_add_interface(struct nlmsghdr *header, void *context)
{
	static struct nla_policy policy[NL80211_ATTR_MAX + 1] = {
		[NL80211_ATTR_IFINDEX] = { .type = NLA_U32 },
		[NL80211_ATTR_IFTYPE] = { .type = NLA_U32 },
		[NL80211_ATTR_SSID] = { .type = NLA_UNSPEC, .maxlen = SSID_MAX },
	};
	struct nlattr *attrs[NL80211_ATTR_MAX + 1];
	struct interface *link;

	if (!genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	if (genlmsg_hdr(header)->cmd != NL80211_CMD_NEW_INTERFACE)
		return 0;
	if (genlmsg_parse(header, 0, attrs, NL80211_ATTR_MAX, policy) < 0)
		return -EBADMSG;
	/* Skip a device without an interface, as Wi-Fi Direct has. */
	if (!attrs[NL80211_ATTR_IFINDEX])
		return 0;
	link = interface_by_index(context, nla_get_u32(attrs[NL80211_ATTR_IFINDEX]));
	if (!link)
		return 0;

	link->wireless = true;
	if (attrs[NL80211_ATTR_IFTYPE])
		link->wireless_type = nla_get_u32(attrs[NL80211_ATTR_IFTYPE]);
	if (attrs[NL80211_ATTR_SSID])
		return wireless_ssid(nla_data(attrs[NL80211_ATTR_SSID]),
				     (size_t)nla_len(attrs[NL80211_ATTR_SSID]), link->ssid);
	return 0;
}

int wireless_add_network(struct nlmsghdr *header, void *context)
{
	static struct nla_policy attr_policy[NL80211_ATTR_MAX + 1] = {
		[NL80211_ATTR_BSS] = { .type = NLA_NESTED },
	};
	static struct nla_policy bss_policy[NL80211_BSS_MAX + 1] = {
		[NL80211_BSS_STATUS] = { .type = NLA_U32 },
	};
	struct nlattr *attrs[NL80211_ATTR_MAX + 1], *bss[NL80211_BSS_MAX + 1], *elements;
	struct interface *link = context;

	if (!genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	if (genlmsg_hdr(header)->cmd != NL80211_CMD_NEW_SCAN_RESULTS)
		return 0;
	if (genlmsg_parse(header, 0, attrs, NL80211_ATTR_MAX, attr_policy) < 0)
		return -EBADMSG;
	if (!attrs[NL80211_ATTR_BSS])
		return 0;
	if (nla_parse_nested(bss, NL80211_BSS_MAX, attrs[NL80211_ATTR_BSS], bss_policy) < 0)
		return -EBADMSG;

	elements = bss[NL80211_BSS_INFORMATION_ELEMENTS];
	if (!elements || !bss[NL80211_BSS_STATUS] ||
	    nla_get_u32(bss[NL80211_BSS_STATUS]) != NL80211_BSS_STATUS_ASSOCIATED)
		return 0;
	/* Untrusted elements, from a radio frame: malformed ones only leave the SSID empty. */
	(void)wireless_elements_ssid(nla_data(elements), (size_t)nla_len(elements), link->ssid);
	return 0;
}

/*
 * True if sysfs shows that the kernel has no Wi-Fi. This saves milliseconds: to resolve a missing
 * netlink family, the kernel runs modprobe.
 */
static bool is_absent(void)
{
	return access("/sys/class/net", F_OK) == 0 && access("/sys/class/ieee80211", F_OK) < 0;
}

/**
 * dump() - request a dump of nl80211.
 * @command: NL80211_CMD_GET_INTERFACE or _SCAN.
 * @ifindex: 0 for all interfaces.
 *
 * Return: 0, even if the kernel has no nl80211, or a negative errno.
 */
static int dump(uint8_t command, unsigned int ifindex, netlink_parse_fn *parse, void *context,
		struct error *err)
{
	cleanup_nl_sock *sock = NULL;
	cleanup_nl_msg *msg = nlmsg_alloc();
	int ret, family;

	if (!msg)
		return error_set_errno(err, ENOMEM, "cannot query the Wi-Fi interfaces");
	ret = netlink_open(NETLINK_GENERIC, &sock, err);
	if (ret < 0)
		return ret == -EPROTONOSUPPORT ? 0 : ret;
	family = genl_ctrl_resolve(sock, NL80211_GENL_NAME);
	if (family == -NLE_OBJ_NOTFOUND)
		return 0;
	if (family < 0)
		return netlink_error(err, family, "cannot look for nl80211");

	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_DUMP, command, 0) ||
	    (ifindex && nla_put_u32(msg, NL80211_ATTR_IFINDEX, ifindex) < 0))
		return error_set_errno(err, ENOMEM, "cannot query the Wi-Fi interfaces");
	ret = netlink_request(sock, msg, parse, context);
	/* -EINTR: another network appeared or vanished during the dump, not that of the uplink. */
	if (ret < 0 && ret != -EINTR)
		return error_set_errno(err, -ret, "cannot list the Wi-Fi interfaces");
	return 0;
}

/* True if sysfs lists the interface as Wi-Fi. Its index shows that sysfs is of this namespace. */
static bool sysfs_wireless(const struct interface *link)
{
	static const char *const marks[] = { "phy80211", "wireless" };
	char path[PATH_SIZE], ifindex[IFINDEX_SIZE];
	cleanup_file FILE *file = NULL;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(marks) && !found; i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%.15s/%s", link->ifname, marks[i]);
		found = access(path, F_OK) == 0;
	}
	if (!found)
		return false;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/ifindex", link->ifname);
	file = fopen(path, "re");
	return file && fgets(ifindex, sizeof(ifindex), file) &&
	       strtoul(ifindex, NULL, 10) == link->ifindex;
}

int wireless_read(struct interfaces *table, struct error *err)
{
	int ret = 0;

	if (!is_absent())
		ret = dump(NL80211_CMD_GET_INTERFACE, 0, wireless_add_interface, table, err);
	if (ret < 0)
		return ret;

	for (size_t i = 0; i < table->link_count; i++) {
		struct interface *link = &table->links[i];

		/* Hardware has no kind. Threat: a name such as ".." leads to another directory. */
		if (!link->wireless && !link->kind[0] && ifname_valid(link->ifname))
			link->wireless = sysfs_wireless(link);
	}
	return 0;
}

int wireless_find_ssid(struct interface *link, struct error *err)
{
	return dump(NL80211_CMD_GET_SCAN, link->ifindex, wireless_add_network, link, err);
}
