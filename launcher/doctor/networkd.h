// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if systemd-networkd configures a tap, and by which systemd.network(5) file.
#ifndef LAUNCHER_DOCTOR_NETWORKD_H
#define LAUNCHER_DOCTOR_NETWORKD_H

#include <limits.h>
#include <stdbool.h>

#define NETWORKD_PATH_SIZE PATH_MAX

/**
 * networkd_runs() - true if systemd-networkd runs: its unit has a control group.
 *
 * /run/systemd/netif is there at every boot, also if systemd-networkd is masked.
 * @root: prefix of all paths; "" for this host.
 */
bool networkd_runs(const char *root);

/* The state that systemd-networkd publishes of an interface. */
enum networkd_state {
	NETWORKD_UNKNOWN,
	NETWORKD_UNMANAGED,
	NETWORKD_MANAGED,
};

/**
 * networkd_state() - read the state of an interface from systemd-networkd's own record.
 * @root: prefix of all paths; "" for this host.
 * @file: the path of the systemd.network(5) file that it uses; set if NETWORKD_MANAGED is returned.
 *
 * Return: NETWORKD_UNKNOWN if there is no record.
 */
enum networkd_state networkd_state(const char *root, unsigned int ifindex,
				   char file[NETWORKD_PATH_SIZE]);

/**
 * networkd_manages() - find the file by which systemd-networkd would configure a tap.
 *
 * systemd-networkd uses the first file, in the order of names, whose [Match] matches. Of files with
 * the same name it uses that in /etc, then /run, then /usr/local/lib, then /usr/lib. This function
 * takes all conditions but Name and Type for false.
 * @root: prefix of all paths; "" for this host.
 * @ifname: the tap's name.
 * @file: NETWORKD_PATH_SIZE bytes for the file's path, set if true is returned; may be NULL.
 *
 * Return: true if there is one, and it does not say "Unmanaged=yes".
 */
bool networkd_manages(const char *root, const char *ifname, char *file);

#endif
