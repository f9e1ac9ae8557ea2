// SPDX-License-Identifier: GPL-2.0-or-later
// Wi-Fi whose firmware answers ARP itself: only a promiscuous interface hears requests for a guest.
#include "netsetup/promiscuous.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/cleanup.h"

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

/* The driver's name, from where the link in sysfs leads; empty when there is none (veth, bridge). */
static void driver_name(const char *ifname, char name[NAME_MAX + 1])
{
	char path[64], target[PATH_MAX];
	const char *last;
	ssize_t length;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", ifname);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	last = strrchr(target, '/');
	snprintf(name, NAME_MAX + 1, "%s", last ? last + 1 : target);
}

int promiscuous_set(int socket, const struct uplink *uplink, enum promiscuous_mode mode,
		    struct error *err)
{
	const struct packet_mreq membership = { .mr_ifindex = (int)uplink->ifindex,
						.mr_type = PACKET_MR_PROMISC };
	char driver[NAME_MAX + 1];

	driver_name(uplink->ifname, driver);
	if (mode == PROMISCUOUS_OFF || (mode == PROMISCUOUS_AUTO && !promiscuous_driver(driver)))
		return 0;
	if (setsockopt(socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
		       sizeof(membership)) < 0)
		return error_set(err, errno, "cannot make '%s' promiscuous", uplink->ifname);
	return 0;
}
