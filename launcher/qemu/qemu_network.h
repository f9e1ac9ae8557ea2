// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the network: the tap by descriptor, the guest's card.
#ifndef LAUNCHER_QEMU_QEMU_NETWORK_H
#define LAUNCHER_QEMU_QEMU_NETWORK_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_network() - add the arguments of all networks.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_network(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
