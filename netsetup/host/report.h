// SPDX-License-Identifier: GPL-2.0-or-later
// Reports each change to the host before it is made.
#ifndef NETSETUP_HOST_REPORT_H
#define NETSETUP_HOST_REPORT_H

#include <stdbool.h>

#include "netsetup/kernel/netlink.h"

/**
 * struct host - access to the host's network.
 * @route: rtnetlink socket, for queries.
 * @maker: socket to the maker; 0: this process makes the changes itself.
 * @ahead: changes do not wait for the maker, see host_ahead().
 * @dry_run: report each change, make none.
 * @report: called before each change with the command that a person would type; may be NULL.
 * @context: passed to @report.
 */
struct host {
	struct nl_sock *route;
	int maker;
	bool ahead;
	bool dry_run;
	void (*report)(const char *command, void *context);
	void *context;
};

/**
 * host_report() - report a change that is about to be made.
 * @format: printf format of the command.
 *
 * Return: true if the caller must make the change; false in a dry run.
 */
bool host_report(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
