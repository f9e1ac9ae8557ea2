// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the firewall and the network manager of the host.
#include "launcher/doctor/check_host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/doctor/firewall.h"
#include "launcher/doctor/networkd.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/sysctl.h"

/* Its remedy is its own command, for its rules come back with each of its restarts. */
static void remedy_drop(const struct firewall *firewall, struct error *said)
{
	if (firewall->docker) {
		error_remedy(said, "sudo iptables -I DOCKER-USER -i %s+ -j ACCEPT", TAP_PREFIX);
		error_remedy(said, "sudo iptables -I DOCKER-USER -o %s+ -j ACCEPT", TAP_PREFIX);
	} else if (firewall->ufw) {
		error_remedy(said, "sudo ufw route allow in on %sNAME", TAP_PREFIX);
		error_remedy(said, "sudo ufw route allow out on %sNAME", TAP_PREFIX);
	} else if (firewall->firewalld) {
		error_remedy(said, "sudo firewall-cmd --zone=trusted --add-interface=%sNAME",
			     TAP_PREFIX);
	} else {
		error_remedy(said, "sudo nft insert rule %s iifname '\"%s*\"' accept",
			     firewall->chain, TAP_PREFIX);
		error_remedy(said, "sudo nft insert rule %s oifname '\"%s*\"' accept",
			     firewall->chain, TAP_PREFIX);
	}
}

static enum grade check_evidence(const struct firewall *firewall, struct error *said)
{
	const char *who = firewall->docker      ? "Docker"
			  : firewall->ufw       ? "ufw"
			  : firewall->firewalld ? "firewalld"
						: NULL;

	if (!who) {
		checkup_say(said, GRADE_NOTE,
			    "its rules are root's to see; nothing that is known to "
			    "drop what is forwarded is here");
		error_remedy(said, "to look: sudo nft list ruleset | grep 'hook forward'");
		return GRADE_NOTE;
	}
	checkup_say(said, GRADE_WARN,
		    "%s is here, which drops what is forwarded unless it is told "
		    "otherwise",
		    who);
	remedy_drop(firewall, said);
	return GRADE_WARN;
}

enum grade checkup_firewall(struct checkup *checkup, struct error *said)
{
	struct firewall firewall;

	firewall_look("", &firewall);
	if (!firewall.readable)
		return check_evidence(&firewall, said);
	if (firewall.excepted)
		return checkup_say(said, GRADE_OK, "has rules for %s*", TAP_PREFIX);
	if (firewall.drops) {
		checkup_say(said, GRADE_FAIL, "what is forwarded is dropped, by chain '%s'",
			    firewall.chain);
		remedy_drop(&firewall, said);
		return GRADE_FAIL;
	}
	if (firewall.firewalld)
		return check_evidence(&firewall, said);
	if (firewall.legacy) {
		checkup_say(said, GRADE_NOTE,
			    "nftables does not drop what is forwarded; "
			    "iptables-legacy has rules, too");
		error_remedy(said, "to look: sudo iptables-legacy -S FORWARD");
		return GRADE_NOTE;
	}
	return checkup_say(said, GRADE_OK, "does not drop what is forwarded");
}

/* The setting covers local addresses, not proxied ones: arp_process() in net/ipv4/arp.c. */
enum grade checkup_arp(struct checkup *checkup, struct error *said)
{
	const struct sysctl ignore = { "ipv4/conf", "all", "arp_ignore" };
	int value;

	if (sysctl_read(&ignore, &value, said) < 0)
		return GRADE_WARN;
	if (value == 0)
		return checkup_say(said, GRADE_OK, "this host answers its VMs' requests");
	checkup_say(
		said, GRADE_WARN,
		"net.ipv4.conf.all.arp_ignore is %d: VMs do not reach this host, nor have it as "
		"their gateway",
		value);
	error_remedy(said, "sudo sysctl -w net.ipv4.conf.all.arp_ignore=0");
	return GRADE_WARN;
}

/* NetworkManager ignores an interface without an address; systemd-networkd obeys its files. */
enum grade checkup_manager(struct checkup *checkup, struct error *said)
{
	char file[NETWORKD_PATH_SIZE];

	if (!networkd_runs(""))
		return checkup_say(said, GRADE_OK, "nobody else configures taps");
	if (!networkd_manages("", TAP_PREFIX "x", file))
		return checkup_say(said, GRADE_OK, "systemd-networkd leaves %s* alone", TAP_PREFIX);
	checkup_say(said, GRADE_WARN, "systemd-networkd configures the taps of VMs, by '%s'", file);
	error_remedy(said,
		     "printf '[Match]\\nName=%s*\\n[Link]\\nUnmanaged=yes\\n' | "
		     "sudo tee /etc/systemd/network/00-vmrun.network",
		     TAP_PREFIX);
	error_remedy(said, "sudo networkctl reload");
	return GRADE_WARN;
}
