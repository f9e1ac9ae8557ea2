// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the packets of running VMs, hop by hop.
#ifndef LAUNCHER_DOCTOR_CHECK_PACKETS_H
#define LAUNCHER_DOCTOR_CHECK_PACKETS_H

#include "launcher/doctor/check.h"

/*
 * The hops of what a guest sends: its tap; the uplink's table, which drops some; from there below
 * the host's stack, or into it, where a firewall may drop some. And back: the same firewall, or
 * from the LAN by the table; the tap; the guest takes it. The service reports the counts of the
 * user's own VMs, and the kernel those of the taps, to everybody.
 */
check_fn check_packets;

#endif
