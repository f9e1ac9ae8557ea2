// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the machine: QEMU, KVM, Linux, directories, the clock and Landlock.
#ifndef LAUNCHER_DOCTOR_CHECK_MACHINE_H
#define LAUNCHER_DOCTOR_CHECK_MACHINE_H

#include "launcher/doctor/check.h"

check_fn check_machine_qemu, check_machine_kvm, check_machine_kernel, check_machine_data,
	check_machine_cache, check_machine_runtime, check_machine_clock, check_machine_sandbox;

#endif
