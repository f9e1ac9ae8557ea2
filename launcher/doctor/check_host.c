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

/* An address for documentation (RFC 5737), which no host has: one on the Internet. */
#define INTERNET_ADDRESS 0xcb007101u /* 203.0.113.1 */

static bool is_legacy(const struct packet_fate *fate)
{
	return !strncmp(fate->chain, FIREWALL_LEGACY, strlen(FIREWALL_LEGACY));
}

/*
 * Since firewalld 1.0 the zone 'trusted' passes only what VMs send. Packets between interfaces of
 * one zone pass both ways, if each is in that zone by name.
 */
static void add_zone_remedy(const struct check *check, struct error *finding)
{
	const char *uplink = check->uplink_error.code ? "UPLINK" : check->uplink.ifname;

	error_remedy(finding,
		     "zone=$(firewall-cmd --get-zone-of-interface=%s || "
		     "firewall-cmd --get-default-zone)",
		     uplink);
	error_remedy(finding, "sudo firewall-cmd --zone=$zone --change-interface=%s", uplink);
	error_remedy(finding, "sudo firewall-cmd --zone=$zone --change-interface=%sNAME",
		     TAP_PREFIX);
}

/* Uses the firewall's own command, because each of its restarts restores its rules. */
static void add_drop_remedy(const struct check *check, const struct packet_fate *fate,
			    struct error *finding)
{
	const struct firewall *firewall = check->firewall;

	if (firewall->docker) {
		error_remedy(finding, "sudo iptables -I DOCKER-USER -i %s+ -j ACCEPT", TAP_PREFIX);
		error_remedy(finding, "sudo iptables -I DOCKER-USER -o %s+ -j ACCEPT", TAP_PREFIX);
	} else if (firewall->ufw) {
		error_remedy(finding, "sudo ufw route allow in on %sNAME", TAP_PREFIX);
		error_remedy(finding, "sudo ufw route allow out on %sNAME", TAP_PREFIX);
	} else if (firewall->firewalld) {
		add_zone_remedy(check, finding);
	} else if (is_legacy(fate)) {
		error_remedy(finding, "sudo iptables-legacy -I FORWARD -i %s+ -j ACCEPT",
			     TAP_PREFIX);
		error_remedy(finding, "sudo iptables-legacy -I FORWARD -o %s+ -j ACCEPT",
			     TAP_PREFIX);
	} else {
		error_remedy(finding, "sudo nft insert rule %s iifname '\"%s*\"' accept",
			     fate->chain, TAP_PREFIX);
		error_remedy(finding, "sudo nft insert rule %s oifname '\"%s*\"' accept",
			     fate->chain, TAP_PREFIX);
	}
}

static enum severity check_programs(const struct check *check, struct error *finding)
{
	const struct firewall *firewall = check->firewall;
	const struct packet_fate unknown = { .outcome = PACKET_DROP };
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
	add_drop_remedy(check, &unknown, finding);
	return SEVERITY_WARN;
}

static enum severity report_drop(const struct check *check, const struct packet_fate *from,
				 const struct packet_fate *to, struct error *finding)
{
	const bool both = from->outcome == PACKET_DROP && to->outcome == PACKET_DROP;
	const struct packet_fate *fate = from->outcome == PACKET_DROP ? from : to;
	const enum severity severity = fate->unsure ? SEVERITY_WARN : SEVERITY_FAIL;

	check_finding(finding, severity, "chain '%s' %s %s", fate->chain,
		      fate->unsure ? "seems to drop" : "drops",
		      both           ? "forwarded packets"
		      : fate == from ? "packets of VMs"
				     : "packets to VMs");
	add_drop_remedy(check, fate, finding);
	return severity;
}

static enum severity report_translation(const struct packet_fate *fate, struct error *finding)
{
	check_finding(finding, SEVERITY_WARN, "chain '%s' hides VMs behind this host's address",
		      fate->chain);
	if (is_legacy(fate))
		error_remedy(finding, "leave them out: sudo iptables-legacy -t nat -I POSTROUTING "
				      "-s ADDRESS -j ACCEPT");
	else
		error_remedy(finding, "sudo nft insert rule %s iifname '\"%s*\"' accept",
			     fate->chain, TAP_PREFIX);
	return SEVERITY_WARN;
}

/* Follows a packet of a VM to the Internet, and one of a station to a VM. */
enum severity check_host_firewall(struct check *check, struct error *finding)
{
	const char *uplink = check->uplink_error.code ? "" : check->uplink.ifname;
	const struct in_addr own = check->uplink.prefix.address;
	/* Any two other addresses of the subnet. */
	const struct in_addr guest = { own.s_addr ^ htonl(1) }, station = { own.s_addr ^ htonl(2) };
	const struct packet sent = { NULL, uplink, guest, { htonl(INTERNET_ADDRESS) } };
	const struct packet received = { uplink, NULL, station, guest };
	struct packet_fate from, to, hidden;

	if (!check->firewall->readable)
		return check_programs(check, finding);
	from = firewall_follow(check->firewall, NF_INET_FORWARD, &sent);
	to = firewall_follow(check->firewall, NF_INET_FORWARD, &received);
	if (from.outcome == PACKET_DROP || to.outcome == PACKET_DROP)
		return report_drop(check, &from, &to, finding);
	hidden = firewall_follow(check->firewall, NF_INET_POST_ROUTING, &sent);
	if (hidden.outcome == PACKET_TRANSLATE)
		return report_translation(&hidden, finding);
	return check_finding(finding, SEVERITY_OK, "does not drop packets of or to VMs");
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
