// SPDX-License-Identifier: GPL-2.0-or-later
// Prints what becomes of the VM on the LAN.
#ifndef LAUNCHER_LAN_REPORT_H
#define LAUNCHER_LAN_REPORT_H

#include "launcher/definition/machine_plan.h"
#include "launcher/lan/dhcp_server.h"
#include "netsetup/protocol/verdict.h"

/* report_place() - print the line that reports the VM on the LAN. */
void report_place(const char *name, const struct lan_place *place, const struct in_addr *dns,
		  unsigned int dns_count);

/**
 * report_change() - print the state of the new place, and the differences to the old one.
 * @old: the last place on the LAN.
 * @was_up: true if the VM was there until now, false if it was off the LAN since.
 * @roams: true if the guest gets its configuration by DHCP.
 */
void report_change(const char *name, const struct lan_place *old, const struct lan_place *now,
		   bool was_up, bool roams);

/* report_access() - print a problem of the access point with the guest's address, and a remedy. */
void report_access(const char *name, enum access_result access, enum promiscuous_mode promiscuous);

/* report_stranger() - print that the guest sends from an address that is not its own. */
void report_stranger(const char *name, struct in_addr address, const struct ether_addr *mac);

/**
 * report_verdict() - print what drops the guest's packets on this host, and what helps.
 * @changed: true if another verdict was printed before.
 */
void report_verdict(const char *name, const struct lan_place *place, const struct verdict *verdict,
		    bool changed);

/* report_dhcp() - print the effect of a DHCP packet of the guest. */
void report_dhcp(const char *name, const struct dhcp_event *event);

#endif
