// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for entropy, the guest agent, USB devices and vsock.
#ifndef LAUNCHER_QEMU_QEMU_DEVICES_H
#define LAUNCHER_QEMU_QEMU_DEVICES_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_rng(), qemu_add_agent(), qemu_add_usb(), qemu_add_vsock() - add one device's arguments.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_rng(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_agent(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_usb(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_vsock(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
