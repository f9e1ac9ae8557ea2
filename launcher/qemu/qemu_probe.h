// SPDX-License-Identifier: GPL-2.0-or-later
// Queries a QEMU binary for its version and the full name of a machine type.
#ifndef LAUNCHER_QEMU_QEMU_PROBE_H
#define LAUNCHER_QEMU_QEMU_PROBE_H

#include "netsetup/base/error.h"

/**
 * struct qemu_probe_result - version and machine type of one binary.
 * @version: "7.2.0".
 * @machine: the name that a machine type's alias stands for: "pc-q35-7.2" for "q35".
 */
struct qemu_probe_result {
	char version[32];
	char machine[64];
};

/**
 * qemu_probe() - start QEMU without a machine, query it by QMP, and end it.
 * @binary: as in the definition.
 * @type: the machine type, as in the definition.
 * @err: STATUS_DEFINITION if QEMU lacks the machine type; see image_client_run() for a signal.
 *
 * Return: 0 or a negative errno; -ETIMEDOUT if QEMU does not answer.
 */
int qemu_probe(const char *binary, const char *type, struct qemu_probe_result *result,
	       struct error *err);

#endif
