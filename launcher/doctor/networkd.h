// SPDX-License-Identifier: GPL-2.0-or-later
// Whether systemd-networkd would configure an interface, by its files; systemd.network(5).
#ifndef LAUNCHER_DOCTOR_NETWORKD_H
#define LAUNCHER_DOCTOR_NETWORKD_H

#include <limits.h>
#include <stdbool.h>

#define NETWORKD_PATH_SIZE PATH_MAX

/* networkd_runs() - whether it does. @root: directory that has its files; "" for this machine's. */
bool networkd_runs(const char *root);

/**
 * networkd_manages() - whether it would configure a tap.
 *
 * The first file counts, by its name, whose [Match] fits; of files of the same name the one in
 * /etc, then in /run, then in /usr/lib. Conditions on other things than an interface's name and type
 * are taken for met by none.
 * @root: as above.
 * @ifname: the tap's name.
 * @file: the file that does.
 *
 * Return: whether one does; without one the interface is left alone.
 */
bool networkd_manages(const char *root, const char *ifname, char file[NETWORKD_PATH_SIZE]);

#endif
