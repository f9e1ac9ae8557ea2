// SPDX-License-Identifier: GPL-2.0-or-later
// Bounds the time of system calls that a hostile peer can stall.
#ifndef NETSETUP_BASE_STALL_H
#define NETSETUP_BASE_STALL_H

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

/**
 * stall_begin(), stall_end() - bound each system call in between to about 20 ms.
 *
 * Threat: a peer can pass a TCP socket with SO_LINGER, whose last close waits for the remote end:
 * in recvmsg(), which drops what it has no room for, and in the close() of a socket with unread
 * records. SO_PASSRIGHTS, which refuses descriptors, is of Linux 6.16. A signal ends such a wait.
 * Safe: SIGALRM is blocked elsewhere, and a process that may send it may kill this one anyway.
 * Test: test_stall in tests/lab/security/test_attacks.py.
 */
void stall_begin(void);
void stall_end(void);

/* stall_close() - close a socket whose peer may have passed descriptors. */
void stall_close(int fd);

#endif
