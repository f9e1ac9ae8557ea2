// SPDX-License-Identifier: GPL-2.0-or-later
// The command version: this program's, the libraries', and where QEMU is.
#ifndef LAUNCHER_VERSION_H
#define LAUNCHER_VERSION_H

/* version_show() - write "vmrun VERSION", then a line for each of what it is made with. */
void version_show(void);

#endif
