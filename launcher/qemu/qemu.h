// SPDX-License-Identifier: GPL-2.0-or-later
// Builds the QEMU command of a VM.
#ifndef LAUNCHER_QEMU_QEMU_H
#define LAUNCHER_QEMU_QEMU_H

#include <stdbool.h>

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * qemu_build() - build the command.
 * @plan: see there.
 * @argv: the command, argv[0] is the binary; free it with argv_done() after success.
 * @err: a value that cannot be passed to QEMU safely is named.
 *
 * Return: 0, -EINVAL (STATUS_DEFINITION) or -ENOMEM.
 */
int qemu_build(const struct machine_plan *plan, struct argv *argv, struct error *err);

/* qemu_architecture() - of the machine, by the name of the QEMU binary; x86_64 if that has none. */
const char *qemu_architecture(const struct definition *definition);

/**
 * qemu_ide_ports() - how many SATA disks and CD-ROMs, which are IDE's, a machine has places for.
 * @machine_type: as in the definition.
 *
 * Return: the number; 0 for a machine without IDE, whose CD-ROMs are SCSI's.
 */
unsigned int qemu_ide_ports(const char *machine_type);

/**
 * qemu_offloads() - whether the network model can use vnet headers on the tap.
 * @model: as in the definition.
 */
bool qemu_offloads(const char *model);

/**
 * qemu_virtio() - whether the network model is one of virtio's, which alone have vhost, several
 * queues and host_mtu.
 * @model: as in the definition.
 */
bool qemu_virtio(const char *model);

/**
 * qemu_queues() - how many pairs of queues the tap is to have: what the definition says; for auto
 * one for each CPU up to four where vhost serves them in the kernel, else one.
 * @definition: the VM.
 * @vhost: whether vhost-net will be used.
 */
unsigned int qemu_queues(const struct definition *definition, bool vhost);

#endif
