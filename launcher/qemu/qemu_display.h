// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the serial console and the display.
#ifndef LAUNCHER_QEMU_QEMU_DISPLAY_H
#define LAUNCHER_QEMU_QEMU_DISPLAY_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_console(), qemu_add_display() - add the arguments of the console, of the display.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_console(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_display(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
