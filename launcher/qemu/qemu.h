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
 * @argv: the command; argv[0] is the binary. The caller frees it with argv_done() after success.
 * @err: names a value that cannot be passed to QEMU safely.
 *
 * Return: 0, -EINVAL (STATUS_DEFINITION) or -ENOMEM.
 */
int qemu_build(const struct machine_plan *plan, struct argv *argv, struct error *err);

#endif
