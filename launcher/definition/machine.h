// SPDX-License-Identifier: GPL-2.0-or-later
// Lists facts about machines, their cards and their disks.
#ifndef LAUNCHER_DEFINITION_MACHINE_H
#define LAUNCHER_DEFINITION_MACHINE_H

#include <stdbool.h>

#include "launcher/definition/definition.h"

/* The port of a guest's SSH server. */
#define MACHINE_SSH_PORT 22

/* machine_has_ahci() - true if a machine type has AHCI in place of the older IDE, as q35 has. */
bool machine_has_ahci(const char *machine_type);

/**
 * machine_ide_ports() - count the places of a machine type for IDE: SATA disks and CD-ROMs.
 *
 * Return: the number; 0 for a machine without IDE, whose CD-ROMs are SCSI.
 */
unsigned int machine_ide_ports(const char *machine_type);

/* machine_architecture() - return the one in the name of the QEMU binary; x86_64 if it has none. */
const char *machine_architecture(const struct definition *definition);

/* machine_virtio() - true if a network model is virtio, which alone has vhost and host_mtu. */
bool machine_virtio(const char *model);

/* machine_offloads() - true if a network model can use vnet headers on the tap. */
bool machine_offloads(const char *model);

/**
 * machine_queues() - count the pairs of queues of the tap. 'auto' is one for each CPU, four at most,
 * where vhost serves them in the kernel, else one.
 * @vhost: vhost-net is used.
 */
unsigned int machine_queues(const struct definition *definition, bool vhost);

/**
 * machine_keeps_state() - true if one of the VM's disks keeps what the guest writes. If none does,
 * the state of its firmware and of its TPM is thrown away.
 */
bool machine_keeps_state(const struct definition *definition);

#endif
