// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that the access point passes the addresses of running VMs.
#ifndef LAUNCHER_DOCTOR_CHECK_ACCESS_H
#define LAUNCHER_DOCTOR_CHECK_ACCESS_H

#include "launcher/doctor/check.h"

check_fn check_access;

#endif
