// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the LAN: its addresses, router and DNS.
#ifndef LAUNCHER_DOCTOR_CHECK_LAN_H
#define LAUNCHER_DOCTOR_CHECK_LAN_H

#include "launcher/doctor/check.h"

/* The checks change nothing and send nothing. */
checkup_fn checkup_uplink, checkup_addresses, checkup_router, checkup_dns, checkup_internet,
	checkup_stations;

#endif
