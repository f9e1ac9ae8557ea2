// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the networks: tap descriptors and the guest's cards.
#ifndef LAUNCHER_QEMU_QEMU_NETWORK_H
#define LAUNCHER_QEMU_QEMU_NETWORK_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_network_add() - add the arguments of all networks.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_network_add(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
