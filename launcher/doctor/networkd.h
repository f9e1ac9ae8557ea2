// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the systemd.network(5) file that makes systemd-networkd configure a tap.
#ifndef LAUNCHER_DOCTOR_NETWORKD_H
#define LAUNCHER_DOCTOR_NETWORKD_H

#include <limits.h>
#include <stdbool.h>

#define NETWORKD_PATH_SIZE PATH_MAX

/* networkd_runs() - true if systemd-networkd runs. @root: prefix of all paths; "" for this host. */
bool networkd_runs(const char *root);

/**
 * networkd_manages() - find the file by which systemd-networkd would configure a tap.
 *
 * systemd-networkd uses the first file, in the order of names, whose [Match] matches. Of files with
 * the same name it uses that in /etc, then /run, then /usr/local/lib, then /usr/lib. This function
 * takes all conditions but Name and Type for false.
 * @root: prefix of all paths; "" for this host.
 * @ifname: the tap's name.
 * @file: the path of the file; set if true is returned.
 *
 * Return: true if there is one, and it does not say "Unmanaged=yes".
 */
bool networkd_manages(const char *root, const char *ifname, char file[NETWORKD_PATH_SIZE]);

#endif
