// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VMs that systemd's system manager runs (vmrun@NAME.service).
#ifndef LAUNCHER_RUN_SYSTEM_VMS_H
#define LAUNCHER_RUN_SYSTEM_VMS_H

#include <stdbool.h>
#include <sys/types.h>

/* The unit's XDG_RUNTIME_DIR. Every user can list the names of the VMs in it, and no more. */
#define SYSTEM_VMS_RUNTIME_DIR "/run/vmrun-system"

/**
 * system_vms_owner() - return the user that the unit runs as, or 0 if no system VM has run.
 *
 * Threat: this user makes a link below the directory, and root takes its target's owner for the
 * user. Check: the directory itself counts, which only root can make in /run.
 */
uid_t system_vms_owner(void);

/* system_vms_running() - true if a system VM of this name has a runtime directory. */
bool system_vms_running(const char *name);

/* system_vms_names() - return the names, separated by ", ", allocated; NULL if there is none. */
char *system_vms_names(void);

#endif
