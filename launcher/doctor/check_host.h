// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the firewall and the network manager of the host.
#ifndef LAUNCHER_DOCTOR_CHECK_HOST_H
#define LAUNCHER_DOCTOR_CHECK_HOST_H

#include "launcher/doctor/check.h"

/* The checks change nothing and send nothing. */
checkup_fn checkup_firewall, checkup_arp, checkup_manager;

#endif
