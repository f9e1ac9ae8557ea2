// SPDX-License-Identifier: GPL-2.0-or-later
// Defines what the checks of the doctor share.
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

#endif
