// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the firewall and the network manager of the host.
#ifndef LAUNCHER_DOCTOR_CHECK_HOST_H
#define LAUNCHER_DOCTOR_CHECK_HOST_H

#include "launcher/doctor/check.h"

check_fn check_host_firewall, check_host_arp, check_host_manager;

#endif
