// SPDX-License-Identifier: GPL-2.0-or-later
// The VM follows the laptop: to another uplink, another network, another address.
#ifndef NETSETUP_SESSION_ROAM_H
#define NETSETUP_SESSION_ROAM_H

#include <net/ethernet.h>

#include "netsetup/session/attachment.h"

/**
 * roam() - look at the host's network as it is now, and make the VM's place fit it; called when
 * something has changed, or may have. Sets the place's state and reason.
 * @attachment: a place that was made or adopted.
 * @err: the error; the place is left as far as it came and can be called for again.
 *
 * The uplink is found anew by the rules of uplink_find(). In the same network the address stays,
 * whatever else has changed. In another network, one with another subnet, SSID or router (another
 * address, or the same address and another machine), it is allocated anew when the guest can be told
 * so; else it is proven free there, if it is of that subnet, or the VM waits for its own network.
 *
 * Return: 0 or a negative errno.
 */
int roam(struct attachment *attachment, struct error *err);

/**
 * roam_conflict() - another host insists on the VM's address: give it up when the guest can be
 * told another one, else, or when there is no other, say so and stay.
 * @attachment: a published place.
 * @conflicting_host: the other's hardware address.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int roam_conflict(struct attachment *attachment, const struct ether_addr *conflicting_host,
		  struct error *err);

#endif
