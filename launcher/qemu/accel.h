// SPDX-License-Identifier: GPL-2.0-or-later
// Chooses the accelerator: kvm if it works on this host, else tcg.
#ifndef LAUNCHER_QEMU_ACCEL_H
#define LAUNCHER_QEMU_ACCEL_H

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * accel_resolve() - choose kvm or tcg.
 * @wanted: as in the definition.
 * @binary: QEMU's, as in the definition; "qemu-system-ARCH" for a foreign ARCH cannot use kvm.
 * @root: directory with proc/cpuinfo and dev/kvm; "" for this host's own.
 * @accel: ACCEL_KVM or ACCEL_TCG.
 *
 * Return: 0, or a negative errno if @wanted is ACCEL_KVM and kvm does not work. ACCEL_AUTO and
 * ACCEL_TCG never fail.
 */
int accel_resolve(enum accel wanted, const char *binary, const char *root, enum accel *accel,
		  struct error *err);

#endif
