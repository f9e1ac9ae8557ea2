// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers of the descriptors that QEMU inherits.
#ifndef LAUNCHER_QEMU_QEMU_FD_H
#define LAUNCHER_QEMU_QEMU_FD_H

#include "launcher/definition/definition.h"
#include "netsetup/protocol/protocol.h"

/*
 * The numbers are fixed, so that the command is the same on every run. The child moves each
 * descriptor to its number with dup2(2).
 */
enum qemu_fd {
	QEMU_FD_QMP = 3,     /* one end of a socket pair */
	QEMU_FD_CONSOLE = 4, /* one end of a socket pair, for 'console: socket' */
	QEMU_FD_SEED = 5,    /* the NoCloud image, read-only */
	QEMU_FD_TAP = 6,     /* the first queue of the tap of card 0 */
	QEMU_FD_VHOST = QEMU_FD_TAP + QUEUES_MAX, /* the first one of vhost-net for it */
	QEMU_FD_VSOCK = QEMU_FD_VHOST + QUEUES_MAX,
	QEMU_FD_TPM,        /* swtpm's control channel */
	QEMU_FD_CREDENTIAL, /* the first SMBIOS type 11 string */
	/* The connection to virtiofsd of share 0; those of other shares follow by number. */
	QEMU_FD_SHARE = QEMU_FD_CREDENTIAL + CREDENTIALS_MAX + 2 + CARDS_MAX,
	QEMU_FD_AGENT = QEMU_FD_SHARE + SHARES_MAX, /* the listening socket of the guest agent */
	/* The card on network 0, if that is private; those of other networks follow by number. */
	QEMU_FD_PRIVATE,
	/* The taps and vhost-net of the other cards on the LAN. */
	QEMU_FD_CARDS = QEMU_FD_PRIVATE + NETWORKS_MAX,
	QEMU_FD_END = QEMU_FD_CARDS + 2 * QUEUES_MAX * (CARDS_MAX - 1),
};

/* qemu_fd_tap() - number of the first queue of a card's tap. */
static inline int qemu_fd_tap(unsigned int card)
{
	return card ? QEMU_FD_CARDS + 2 * QUEUES_MAX * ((int)card - 1) : QEMU_FD_TAP;
}

/* qemu_fd_vhost() - number of the first descriptor of vhost-net for a card. */
static inline int qemu_fd_vhost(unsigned int card)
{
	return qemu_fd_tap(card) + QUEUES_MAX;
}

#endif
