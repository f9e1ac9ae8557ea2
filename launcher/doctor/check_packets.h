// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the packets of running VMs, hop by hop.
#ifndef LAUNCHER_DOCTOR_CHECK_PACKETS_H
#define LAUNCHER_DOCTOR_CHECK_PACKETS_H

#include "launcher/doctor/check.h"

/*
 * The hops of what a guest sends: its tap; the uplink's table, which drops some; from there below
 * the host's stack, or into it. And back: from the LAN and the host by the table, or by the host's
 * stack; the tap; the guest takes it.
 */
check_fn check_packets;

#endif
