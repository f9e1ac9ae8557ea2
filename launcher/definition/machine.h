// SPDX-License-Identifier: GPL-2.0-or-later
// Lists facts about machines, their cards and their disks.
#ifndef LAUNCHER_DEFINITION_MACHINE_H
#define LAUNCHER_DEFINITION_MACHINE_H

#include <stdbool.h>

#include "launcher/definition/definition.h"

/* Port of a guest's SSH server. */
#define MACHINE_SSH_PORT 22

/*
 * Routes of a guest with several cards on the LAN. To both numbers that of the card is added: the
 * metric of the default route of a further card, and the table for what comes from the address of a
 * card.
 */
#define MACHINE_ROUTE_METRIC 1000
#define MACHINE_ROUTE_TABLE  100

/* machine_has_ahci() - true if a machine type has AHCI, as q35 has, instead of the older IDE. */
bool machine_has_ahci(const char *machine_type);

/* machine_has_vga() - true if a machine type can have a display. */
bool machine_has_vga(const char *machine_type);

/**
 * machine_ide_ports() - count the ports of a machine type for SATA disks and CD-ROMs.
 *
 * Return: the number; 0 for a machine without IDE, where CD-ROMs are SCSI devices.
 */
unsigned int machine_ide_ports(const char *machine_type);

/* machine_architecture() - return the architecture in QEMU's program name; x86_64 if none. */
const char *machine_architecture(const struct definition *definition);

/* machine_virtio() - true if a network model is virtio. Only virtio has vhost and host_mtu. */
bool machine_virtio(const char *model);

/* machine_offloads() - true if a network model can use vnet headers on the tap. */
bool machine_offloads(const char *model);

/**
 * machine_queues() - count the queue pairs of the tap. 'auto' is one for each CPU, at most four, if
 * vhost serves them in the kernel, else one.
 * @network: of type lan.
 * @vhost: true if QEMU uses vhost-net.
 */
unsigned int machine_queues(const struct definition *definition, const struct network *network,
			    bool vhost);

/**
 * machine_keeps_state() - true if one of the VM's disks keeps what the guest writes. Without such a
 * disk, the state of the firmware and of the TPM does not outlive the run.
 */
bool machine_keeps_state(const struct definition *definition);

#endif
