// SPDX-License-Identifier: GPL-2.0-or-later
// Defines a check of the doctor and its finding.
#ifndef LAUNCHER_DOCTOR_CHECK_H
#define LAUNCHER_DOCTOR_CHECK_H

#include <stdbool.h>

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
 * @uplink: the default uplink; valid if @uplink_error has code 0.
 */
struct check {
	struct lan_connection *connection;
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

/**
 * check_request() - send a request to the service, on a connection that ends with the answer. The
 * check must have a connection.
 * @request, @listener: see netsetup_request().
 *
 * Return: 0; -ETIMEDOUT if there is no answer for CHECK_ANSWER_MS; or another negative errno.
 */
int check_request(const struct check *check, const void *request,
		  struct netsetup_listener *listener, struct error *err);

/* The service answers at once; it may have other work. */
#define CHECK_ANSWER_MS 10000

/* check_finding() - set the message of a finding; returns @severity. */
enum severity check_finding(struct error *finding, enum severity severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
