// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the LAN: its addresses, router and DNS.
#ifndef LAUNCHER_DOCTOR_CHECK_LAN_H
#define LAUNCHER_DOCTOR_CHECK_LAN_H

#include "launcher/doctor/check.h"

check_fn check_lan_uplink, check_lan_addresses, check_lan_router, check_lan_dns, check_lan_internet,
	check_lan_stations;

#endif
