// SPDX-License-Identifier: GPL-2.0-or-later
// Serves all clients of this network namespace.
#ifndef NETSETUP_SERVICE_SERVICE_H
#define NETSETUP_SERVICE_SERVICE_H

#include "netsetup/base/error.h"

/* The beginning and the end of a service. */
enum service_mode {
	SERVICE_ACTIVATED, /* has systemd's socket; ends SERVICE_IDLE_MS after its last client */
	SERVICE_STAY,      /* makes its socket, stays until SIGTERM */
	SERVICE_ONCE,      /* started by a vmrun; makes its socket, ends with its last client */
};

#define SERVICE_IDLE_MS 10000

/* Time for the client of a VM to come back after a restart without its connection. */
#define SERVICE_LOST_MS 2000

/* Exit status of a service that must be started again: none of enum exit_status. */
#define SERVICE_AGAIN ((enum exit_status)75)

/**
 * service_run() - serve until the mode or SIGTERM ends it. SIGTERM of systemd leaves everything as
 * it is, for the next service.
 *
 * The process has its capabilities, and all signals are blocked; this function confines it.
 *
 * Return: the exit status of the process; @err is filled unless it is STATUS_OK.
 */
enum exit_status service_run(enum service_mode mode, struct error *err);

/**
 * service_clean() - undo all that services of this network namespace have left.
 *
 * Return: 0, -EAGAIN if a service runs, or another negative errno.
 */
int service_clean(struct error *err);

#endif
