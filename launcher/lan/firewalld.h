// SPDX-License-Identifier: GPL-2.0-or-later
// Puts a VM's tap into firewalld's zone of the uplink, and takes it out again.
#ifndef LAUNCHER_LAN_FIREWALLD_H
#define LAUNCHER_LAN_FIREWALLD_H

#include <net/if.h>

#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "netsetup/protocol/verdict.h"

/*
 * Theory of operation: since release 2.1 only firewalld itself can change its rules. It forwards
 * between the interfaces of one zone. So it is requested to, over D-Bus by firewall-cmd(1), with
 * the user's rights: polkit decides. No process with capabilities speaks D-Bus. A reload empties
 * the zones. That is a change of nf_tables, so the service asks the kernel again, and the new
 * verdict has the tap put into the zone again.
 */

/**
 * struct firewalld - the tap's place in a zone.
 * @name: the VM's, for messages.
 * @uplink, @tap: names; empty before firewalld_join().
 * @process: firewall-cmd, while it runs.
 */
struct firewalld {
	struct loop *loop;
	const char *name;
	char uplink[IFNAMSIZ];
	char tap[IFNAMSIZ];
	struct process process;
};

#define FIREWALLD_NONE                  \
	{                               \
		.process = PROCESS_NONE \
	}

/* firewalld_helps() - true if firewalld drops the packets, and has refused the service's rules. */
bool firewalld_helps(const struct verdict *verdict);

/**
 * firewalld_join() - begin to put the tap into the uplink's zone; an error is printed.
 * @firewalld: with its loop and name; must live until firewalld_leave().
 */
void firewalld_join(struct firewalld *firewalld, const char *uplink, const char *tap);

/*
 * firewalld_leave() - take the tap out of its zone, if it was put there. Waits for firewalld, up to
 * 20 seconds.
 */
void firewalld_leave(struct firewalld *firewalld);

#endif
