// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers the descriptors that QEMU inherits.
#ifndef LAUNCHER_QEMU_QEMU_FD_H
#define LAUNCHER_QEMU_QEMU_FD_H

#include "launcher/definition/definition.h"
#include "netsetup/protocol/protocol.h"

/*
 * Descriptors that QEMU inherits have fixed numbers, so that the command is the same on every run:
 * the child places each with dup2(2).
 */
enum qemu_fd {
	QEMU_FD_QMP = 3,     /* one end of a socket pair */
	QEMU_FD_CONSOLE = 4, /* one end of a socket pair, for 'console: socket' */
	QEMU_FD_SEED = 5,    /* the NoCloud image, read-only */
	QEMU_FD_TAP = 6,     /* first of the tap's queues */
	QEMU_FD_VHOST = QEMU_FD_TAP + QUEUES_MAX, /* first of vhost-net's */
	QEMU_FD_VSOCK = QEMU_FD_VHOST + QUEUES_MAX,
	QEMU_FD_TPM,        /* swtpm's control channel */
	QEMU_FD_CREDENTIAL, /* first of the strings of SMBIOS type 11 */
	/* First of the connections to virtiofsd, by the number of the share. */
	QEMU_FD_SHARE = QEMU_FD_CREDENTIAL + CREDENTIALS_MAX + 3,
	QEMU_FD_END = QEMU_FD_SHARE + SHARES_MAX,
};

#endif
