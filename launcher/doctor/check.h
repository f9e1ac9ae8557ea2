// SPDX-License-Identifier: GPL-2.0-or-later
// Defines what the checks of the doctor share.
#ifndef LAUNCHER_DOCTOR_CHECK_H
#define LAUNCHER_DOCTOR_CHECK_H

#include <stdbool.h>

#include "launcher/lan/helpers.h"
#include "netsetup/base/error.h"
#include "netsetup/kernel/uplink.h"

enum severity {
	SEVERITY_OK,
	SEVERITY_NOTE, /* cannot be known from here, or does not matter to everybody */
	SEVERITY_WARN, /* VMs run, but something will be missed */
	SEVERITY_FAIL, /* no VM runs, or none is on the LAN */
};

/**
 * struct check - what several checks need.
 * @helpers: the helper, started with the rights that vmrun had at first.
 * @uplink: found by default; when @uplink_error has no code.
 */
struct check {
	struct helpers *helpers;
	struct uplink uplink;
	struct error uplink_error;
};

/**
 * check_fn - one check.
 * @check: what is known.
 * @said: the finding as its message, and what mends it as its remedy; empty before.
 *
 * Return: how bad it is.
 */
typedef enum severity check_fn(struct check *check, struct error *said);

/* check_finding() - fill in a finding; returns @severity. */
enum severity check_finding(struct error *said, enum severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
