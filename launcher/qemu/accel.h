// SPDX-License-Identifier: GPL-2.0-or-later
// The accelerator that really works here.
#ifndef LAUNCHER_QEMU_ACCEL_H
#define LAUNCHER_QEMU_ACCEL_H

#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * accel_resolve() - decide between kvm and tcg.
 * @wanted: as in the definition.
 * @binary: QEMU's, as in the definition; "qemu-system-ARCH" for a foreign ARCH cannot use kvm.
 * @root: directory that has proc/cpuinfo and dev/kvm; "" for this machine's own.
 * @accel: ACCEL_KVM or ACCEL_TCG.
 * @err: why kvm, which was asked for by name, does not work, and what would help.
 *
 * Return: 0, or a negative errno when kvm was asked for and does not work; auto and tcg never
 * fail.
 */
int accel_resolve(enum accel wanted, const char *binary, const char *root, enum accel *accel,
		  struct error *err);

#endif
