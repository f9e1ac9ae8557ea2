// SPDX-License-Identifier: GPL-2.0-or-later
// The VM follows the laptop: to another uplink, another network, another address.
#ifndef NETSETUP_SESSION_ROAM_H
#define NETSETUP_SESSION_ROAM_H

#include <net/ethernet.h>

#include "netsetup/session/attachment.h"

/**
 * follow() - look at the host's network as it is now, and make the VM's place fit it; called when
 * something has changed, or may have. Sets the place's state and reason.
 * @place: a place that was made or adopted.
 * @err: the error; the place is left as far as it came and can be called for again.
 *
 * The uplink is found anew by the rules of uplink_find(). In the same network the address stays,
 * whatever else has changed. In another network, one with another subnet, SSID or router (another
 * address, or the same address and another machine), it is allocated anew when the guest can be told
 * so; else it is proven free there, if it is of that subnet, or the VM waits for its own network.
 *
 * Return: 0 or a negative errno.
 */
int follow(struct place *place, struct error *err);

/**
 * follow_contested() - another host insists on the VM's address: give it up when the guest can be
 * told another one, else, or when there is no other, say so and stay.
 * @place: a published place.
 * @rival: the other's hardware address.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int follow_contested(struct place *place, const struct ether_addr *rival, struct error *err);

#endif
