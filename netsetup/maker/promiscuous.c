// SPDX-License-Identifier: GPL-2.0-or-later
// Makes Wi-Fi promiscuous if its firmware hides ARP requests for the guest.
#include "netsetup/maker/promiscuous.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/*
 * brcmfmac offloads ARP to its firmware and turns that off in promiscuous mode only
 * (brcmf_configure_arp_nd_offload() in drivers/net/wireless/broadcom/brcm80211/brcmfmac/core.c).
 */
static const char *const drivers[] = { "brcmfmac", "brcmfmac-cyw", "bcmdhd", "wl" };

bool promiscuous_driver(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

/* Checks the driver's link in sysfs; a veth or a bridge has no driver and no link. */
static bool needs_promiscuity(const char *ifname)
{
	char path[64], target[PATH_MAX];
	const char *name;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", ifname);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	name = strrchr(target, '/');
	return promiscuous_driver(name ? name + 1 : target);
}

int promiscuous_set(int socket, struct interface_id uplink, enum promiscuous_mode mode,
		    struct error *err)
{
	const struct packet_mreq membership = { .mr_ifindex = (int)uplink.ifindex,
						.mr_type = PACKET_MR_PROMISC };

	if (mode == PROMISCUOUS_OFF ||
	    (mode == PROMISCUOUS_AUTO && !needs_promiscuity(uplink.ifname)))
		return 0;
	if (setsockopt(socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)) <
	    0)
		return error_set_errno(err, errno, "cannot make '%s' promiscuous", uplink.ifname);
	return 0;
}
