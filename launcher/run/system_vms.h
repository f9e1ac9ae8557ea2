// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VMs that systemd's system manager runs (vmrun@NAME.service), and those of root.
#ifndef LAUNCHER_RUN_SYSTEM_VMS_H
#define LAUNCHER_RUN_SYSTEM_VMS_H

#include <sys/types.h>

/*
 * Each system VM has a user of its own, vmrun-NAME, and a directory of its name below
 * /run/vmrun-vms, where only root can make directories. Every user can list the names, and no
 * more. The VMs that root itself starts belong to the user vmrun; see privilege_drop().
 */

/**
 * system_vms_directory() - find a VM of the system.
 *
 * Return: the XDG_RUNTIME_DIR of the user that runs it, allocated; NULL if no such VM runs.
 */
char *system_vms_directory(const char *name);

/**
 * system_vms_owner() - return the owner of a directory of system_vms_directory(), or 0.
 *
 * Threat: a VM's user makes a link below the directory, and root takes its target's owner for the
 * user; or a directory of another VM's name. Check: the directory itself counts, which only root
 * can make, and the VM in it has its name.
 */
uid_t system_vms_owner(const char *directory);

/**
 * system_vms_each() - call a function for each directory of VMs.
 * @fn: @name: the only VM that belongs there, or NULL for the directory of root's VMs.
 */
void system_vms_each(void (*fn)(const char *directory, const char *name, void *context),
		     void *context);

/* system_vms_names() - return the units' VMs, separated by ", ", allocated; NULL if none runs. */
char *system_vms_names(void);

#endif
