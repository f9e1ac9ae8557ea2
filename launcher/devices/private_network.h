// SPDX-License-Identifier: GPL-2.0-or-later
// Connects cards of VMs to private networks between the VMs of one user.
#ifndef LAUNCHER_DEVICES_PRIVATE_NETWORK_H
#define LAUNCHER_DEVICES_PRIVATE_NETWORK_H

#include "launcher/common/loop.h"
#include "launcher/common/remove.h"
#include "netsetup/base/error.h"

/* The longest frame, in bytes; longer ones and those without an Ethernet header are dropped. */
#define PRIVATE_NETWORK_FRAME_MAX 65536

/* struct private_network - a VM's card on a private network. */
struct private_network;

/**
 * private_network_open() - connect a card to a network, which begins with its first card.
 * @name: the network's, a valid VM name.
 * @vm: the VM's name; the caller must hold the lock of its runtime directory.
 * @loop: passes the frames on; must outlive the connection.
 * @card: the socket for QEMU, owned by the caller: each datagram is an Ethernet frame.
 *
 * Return: the connection, or NULL.
 */
struct private_network *private_network_open(const char *name, const char *vm, struct loop *loop,
					     int *card, struct error *err);

/* private_network_close() - end a connection, which may be NULL; its socket's file stays. */
void private_network_close(struct private_network *network);

/**
 * private_network_remove() - remove a VM's sockets from all networks, and empty networks.
 * @vm: the VM's name; the caller must hold the lock of its runtime directory.
 */
void private_network_remove(const char *vm, const struct removal *removal);

#endif
