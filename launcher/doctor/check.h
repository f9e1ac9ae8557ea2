// SPDX-License-Identifier: GPL-2.0-or-later
// Defines a check of the doctor and its finding.
#ifndef LAUNCHER_DOCTOR_CHECK_H
#define LAUNCHER_DOCTOR_CHECK_H

#include <stdbool.h>

#include "launcher/doctor/firewall.h"
#include "launcher/lan/lan_connection.h"
#include "launcher/lan/uplink.h"
#include "netsetup/base/error.h"

enum severity {
	SEVERITY_OK,
	SEVERITY_NOTE, /* cannot be seen from this host, or matters only to some users */
	SEVERITY_WARN, /* VMs run, but miss a feature */
	SEVERITY_FAIL, /* no VM can run, or none can be on the LAN */
};

/**
 * struct check - the data that several checks need.
 * @connection: the connection to vmrun-netsetup; it was opened before vmrun dropped root's rights.
 * @firewall: the facts about it, which were read before that, too.
 * @uplink: the default uplink; valid if @uplink_error has code 0.
 */
struct check {
	struct lan_connection *connection;
	const struct firewall *firewall;
	struct uplink uplink;
	struct error uplink_error;
};

/**
 * check_fn - check one thing; change nothing and send nothing.
 * @finding: empty when called; set to the finding as its message and the solution as its remedy.
 *
 * Return: the severity of the finding.
 */
typedef enum severity check_fn(struct check *check, struct error *finding);

/* check_finding() - set the message of a finding; returns @severity. */
enum severity check_finding(struct error *finding, enum severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
