// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the serial console and the display.
#ifndef LAUNCHER_QEMU_QEMU_DISPLAY_H
#define LAUNCHER_QEMU_QEMU_DISPLAY_H

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_display_add_console(), qemu_display_add() - add the console's, the display's arguments.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_display_add_console(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_display_add(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
