// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for entropy, sound, the guest agent, USB devices and vsock.
#ifndef LAUNCHER_QEMU_QEMU_DEVICES_H
#define LAUNCHER_QEMU_QEMU_DEVICES_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_devices_add_*() - add the arguments of one kind of device.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_devices_add_rng(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_devices_add_audio(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_devices_add_agent(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_devices_add_usb(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_devices_add_vsock(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
