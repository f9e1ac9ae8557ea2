// SPDX-License-Identifier: GPL-2.0-or-later
// What a QEMU binary says of itself: its version, and the machine that a type's name stands for.
#ifndef LAUNCHER_QEMU_QEMU_PROBE_H
#define LAUNCHER_QEMU_QEMU_PROBE_H

#include "netsetup/base/error.h"

/**
 * struct qemu_probe_result - of one binary.
 * @version: "7.2.0".
 * @machine: the machine type without its alias: "pc-q35-7.2" for "q35".
 */
struct qemu_probe_result {
	char version[32];
	char machine[64];
};

/**
 * qemu_probe() - start a QEMU without a machine, ask it, and end it.
 * @binary: as in the definition.
 * @type: of the machine.
 * @identity: what it says.
 * @err: STATUS_DEFINITION when it has no such machine; see image_client_run() for an end by a signal.
 *
 * Return: 0 or a negative errno; -ETIMEDOUT when it does not answer.
 */
int qemu_probe(const char *binary, const char *type, struct qemu_probe_result *identity,
	       struct error *err);

#endif
