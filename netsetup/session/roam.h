// SPDX-License-Identifier: GPL-2.0-or-later
// Moves the VM with the laptop: to another uplink, network or address.
#ifndef NETSETUP_SESSION_ROAM_H
#define NETSETUP_SESSION_ROAM_H

#include <net/ethernet.h>

#include "netsetup/session/attachment.h"

/**
 * roam() - fit the VM's attachment to the host's present network, after any possible change. Sets
 * the attachment's state and reason.
 * @attachment: made or adopted; after an error it stays as far as it came, and roam() may be called
 *              again.
 *
 * It finds the uplink anew by the rules of uplink_find(). In the same network the address stays.
 * Another network has another subnet, SSID or router (another address, or the same address and
 * another machine). There it allocates a new address if the guest can get one by DHCP. Otherwise it
 * proves the old one free if it is of that subnet, or the VM waits for its own network.
 *
 * Return: 0 or a negative errno.
 */
int roam(struct attachment *attachment, struct error *err);

/**
 * roam_conflict() - give up the VM's address, on which another host insists, if the guest can get
 * another one. Otherwise report the conflict and keep the address.
 * @attachment: published.
 * @conflicting_host: the other's hardware address.
 *
 * Return: 0 or a negative errno.
 */
int roam_conflict(struct attachment *attachment, const struct ether_addr *conflicting_host,
		  struct error *err);

#endif
