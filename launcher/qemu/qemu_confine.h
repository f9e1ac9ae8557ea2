// SPDX-License-Identifier: GPL-2.0-or-later
// Confines QEMU to the files and sockets of its VM.
#ifndef LAUNCHER_QEMU_QEMU_CONFINE_H
#define LAUNCHER_QEMU_QEMU_CONFINE_H

#include "launcher/common/confinement.h"
#include "launcher/definition/machine_plan.h"

/**
 * qemu_confine() - make the limits of the QEMU of a VM.
 *
 * Threat: a guest has taken over QEMU. Check: QEMU opens only the files that the plan names, and
 * what the keys 'display', 'audio', 'usb' and 'network' need. It makes connections only for these
 * (test: test_qemu_confine.c, tests/lab/security/test_qemu.py).
 * @plan: after all files of the VM exist.
 * @confinement: end it with confinement_done().
 *
 * Return: 0 or a negative errno.
 */
int qemu_confine(const struct machine_plan *plan, struct confinement *confinement,
		 struct error *err);

/* qemu_confine_remedy() - add what helps a QEMU that was denied a file to the error of its end. */
void qemu_confine_remedy(struct error *err);

#endif
