// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the firewall and the network manager of the host.
#include "launcher/doctor/check_host.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/doctor/firewall.h"
#include "launcher/doctor/networkd.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/sysctl.h"

/* Uses the firewall's own command, because each of its restarts restores its rules. */
static void add_drop_remedy(const struct firewall *firewall, struct error *finding)
{
	if (firewall->docker) {
		error_remedy(finding, "sudo iptables -I DOCKER-USER -i %s+ -j ACCEPT", TAP_PREFIX);
		error_remedy(finding, "sudo iptables -I DOCKER-USER -o %s+ -j ACCEPT", TAP_PREFIX);
	} else if (firewall->ufw) {
		error_remedy(finding, "sudo ufw route allow in on %sNAME", TAP_PREFIX);
		error_remedy(finding, "sudo ufw route allow out on %sNAME", TAP_PREFIX);
	} else if (firewall->firewalld) {
		error_remedy(finding, "sudo firewall-cmd --zone=trusted --add-interface=%sNAME",
			     TAP_PREFIX);
	} else {
		error_remedy(finding, "sudo nft insert rule %s iifname '\"%s*\"' accept",
			     firewall->chain, TAP_PREFIX);
		error_remedy(finding, "sudo nft insert rule %s oifname '\"%s*\"' accept",
			     firewall->chain, TAP_PREFIX);
	}
}

static enum severity check_programs(const struct firewall *firewall, struct error *finding)
{
	const char *program = firewall->docker      ? "Docker"
			      : firewall->ufw       ? "ufw"
			      : firewall->firewalld ? "firewalld"
						    : NULL;

	if (!program) {
		check_finding(finding, SEVERITY_NOTE,
			      "only root can read its rules; there is no Docker, ufw or firewalld");
		error_remedy(finding, "read them: sudo nft list ruleset | grep 'hook forward'");
		return SEVERITY_NOTE;
	}
	check_finding(finding, SEVERITY_WARN, "%s is active and drops forwarded packets by default",
		      program);
	add_drop_remedy(firewall, finding);
	return SEVERITY_WARN;
}

enum severity check_host_firewall(struct check *check, struct error *finding)
{
	const struct firewall *firewall = check->firewall;

	if (!firewall->readable)
		return check_programs(firewall, finding);
	if (firewall->excepted)
		return check_finding(finding, SEVERITY_OK, "has rules for %s*", TAP_PREFIX);
	if (firewall->drops) {
		check_finding(finding, SEVERITY_FAIL, "chain '%s' drops forwarded packets",
			      firewall->chain);
		add_drop_remedy(firewall, finding);
		return SEVERITY_FAIL;
	}
	if (firewall->firewalld)
		return check_programs(firewall, finding);
	if (firewall->legacy) {
		check_finding(finding, SEVERITY_NOTE,
			      "iptables-legacy has rules; nftables drops no forwarded packets");
		error_remedy(finding, "read them: sudo iptables-legacy -S FORWARD");
		return SEVERITY_NOTE;
	}
	return check_finding(finding, SEVERITY_OK, "does not drop forwarded packets");
}

/* arp_ignore applies to local addresses, not to proxied ones: arp_process() in net/ipv4/arp.c. */
enum severity check_host_arp(struct check *check, struct error *finding)
{
	const struct sysctl ignore = { "ipv4/conf", "all", "arp_ignore" };
	int value;

	if (sysctl_read(&ignore, &value, finding) < 0)
		return SEVERITY_WARN;
	if (value == 0)
		return check_finding(finding, SEVERITY_OK,
				     "this host answers its VMs' ARP requests");
	check_finding(
		finding, SEVERITY_WARN,
		"net.ipv4.conf.all.arp_ignore is %d: VMs can neither reach this host nor use it "
		"as their gateway",
		value);
	error_remedy(finding, "sudo sysctl -w net.ipv4.conf.all.arp_ignore=0");
	return SEVERITY_WARN;
}

/* Finds the state of the first tap that systemd-networkd has a record of. */
static enum networkd_state find_tap_state(char tap[IF_NAMESIZE], char file[NETWORKD_PATH_SIZE])
{
	enum networkd_state state = NETWORKD_UNKNOWN;
	struct if_nameindex *interfaces = if_nameindex();

	for (struct if_nameindex *i = interfaces; i && i->if_index && state == NETWORKD_UNKNOWN;
	     i++) {
		if (strncmp(i->if_name, TAP_PREFIX, strlen(TAP_PREFIX)) != 0)
			continue;
		state = networkd_state("", i->if_index, file);
		snprintf(tap, IF_NAMESIZE, "%s", i->if_name);
	}
	if_freenameindex(interfaces);
	return state;
}

/*
 * NetworkManager ignores an interface without an address; systemd-networkd obeys its files, as it
 * has read them at its start or last reload. So what it publishes of a tap precedes the files.
 */
enum severity check_host_manager(struct check *check, struct error *finding)
{
	char tap[IF_NAMESIZE] = TAP_PREFIX "*", file[NETWORKD_PATH_SIZE];
	enum networkd_state state;
	bool by_files;

	if (!networkd_runs(""))
		return check_finding(finding, SEVERITY_OK, "no other program configures taps");
	state = find_tap_state(tap, file);
	by_files = networkd_manages("", TAP_PREFIX "x", state == NETWORKD_UNKNOWN ? file : NULL);
	if (state == NETWORKD_UNMANAGED || (state == NETWORKD_UNKNOWN && !by_files))
		return check_finding(finding, SEVERITY_OK, "systemd-networkd leaves %s alone", tap);
	check_finding(finding, SEVERITY_WARN, "systemd-networkd configures %s, by '%s'", tap, file);
	if (by_files)
		error_remedy(finding,
			     "printf '[Match]\\nName=%s*\\n[Link]\\nUnmanaged=yes\\n' | "
			     "sudo tee /etc/systemd/network/00-vmrun.network",
			     TAP_PREFIX);
	error_remedy(finding, "sudo networkctl reload");
	return SEVERITY_WARN;
}
