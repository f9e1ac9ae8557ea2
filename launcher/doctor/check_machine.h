// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the machine: QEMU, KVM, directories and the clock.
#ifndef LAUNCHER_DOCTOR_CHECK_MACHINE_H
#define LAUNCHER_DOCTOR_CHECK_MACHINE_H

#include "launcher/doctor/check.h"

/* The checks change nothing and send nothing. */
checkup_fn checkup_qemu, checkup_kvm, checkup_data, checkup_cache, checkup_runtime, checkup_clock;

#endif
