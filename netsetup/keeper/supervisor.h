// SPDX-License-Identifier: GPL-2.0-or-later
// Starts the service, keeps its descriptors, and starts it again when it dies.
#ifndef NETSETUP_KEEPER_SUPERVISOR_H
#define NETSETUP_KEEPER_SUPERVISOR_H

#include "netsetup/base/error.h"

/* Members of this group may connect to a service that was started without a client. */
#define SUPERVISOR_GROUP "vmrun"

/**
 * supervisor_run() - run the service as a child, where no systemd does.
 * @first: connected socket of the first client, or -1; taken over.
 * @argv: the service's arguments, beginning with argv[0]; executes /proc/self/exe.
 *
 * Resets what the process inherited (inherited_reset()), and keeps no more rights than the service
 * needs. Without @first the group of the process is SUPERVISOR_GROUP. If the service exits with a
 * status of enum exit_status, so does supervisor_run(). If a signal ends the service, or it exits
 * with another status, it is started again with the descriptors that it has stored, but at most 5
 * times within 10 s. SIGTERM and SIGINT are passed on to it, after which it is not started again.
 * Without user 0, this process becomes the service and has no keeper.
 *
 * Return: the exit status of the process; @err is filled if it is the supervisor's own.
 */
int supervisor_run(int first, char *const argv[], struct error *err);

#endif
