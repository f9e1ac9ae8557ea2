// SPDX-License-Identifier: GPL-2.0-or-later
// What doctor looks at, one function each; they change nothing and send nothing.
#ifndef LAUNCHER_DOCTOR_CHECK_H
#define LAUNCHER_DOCTOR_CHECK_H

#include <stdbool.h>

#include "launcher/lan/helpers.h"
#include "netsetup/base/error.h"
#include "netsetup/kernel/uplink.h"

enum grade {
	GRADE_OK,
	GRADE_NOTE, /* cannot be known from here, or does not matter to everybody */
	GRADE_WARN, /* VMs run, but something will be missed */
	GRADE_FAIL, /* no VM runs, or none is on the LAN */
};

/**
 * struct checkup - what several checks need.
 * @helpers: the helper, started with the rights that vmrun had at first.
 * @uplink: found by default; when @uplink_error has no code.
 */
struct checkup {
	struct helpers *helpers;
	struct uplink uplink;
	struct error uplink_error;
};

/**
 * checkup_fn - one check.
 * @checkup: what is known.
 * @said: the finding as its message, and what mends it as its remedy; empty before.
 *
 * Return: how bad it is.
 */
typedef enum grade checkup_fn(struct checkup *checkup, struct error *said);

/* checkup_say() - fill in a finding; returns @grade. */
enum grade checkup_say(struct error *said, enum grade grade, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Of the machine: check_machine.c. */
checkup_fn checkup_qemu, checkup_kvm, checkup_data, checkup_cache, checkup_runtime, checkup_clock;

/* Of the helper: check_helper.c. */
checkup_fn checkup_tun, checkup_helper, checkup_policy, checkup_leftovers;

/* Of the LAN: check_lan.c, check_host.c. */
checkup_fn checkup_uplink, checkup_addresses, checkup_router, checkup_dns, checkup_internet,
	checkup_stations;
checkup_fn checkup_firewall, checkup_arp, checkup_manager;

#endif
