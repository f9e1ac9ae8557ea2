// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the firewall and the network manager of the host.
#include "launcher/doctor/check_host.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/doctor/networkd.h"
#include "launcher/lan/forwarding.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/sysctl.h"

static void take_verdict(const struct verdict *verdict, void *context)
{
	*(struct verdict *)context = *verdict;
}

/* Fills in a question for no VM; its name is no other process's. */
static void fill_question(const struct uplink *uplink, struct attach_record *question)
{
	protocol_record_init(question, RECORD_ATTACH);
	snprintf(question->name, sizeof(question->name), "doctor-%d", getpid());
	question->owner = getuid();
	question->ifindex = uplink->ifindex;
	question->host = uplink->prefix.address;
	question->mac.ether_addr_octet[0] = 2;
	question->probe = PROBE_NONE;
	question->path = PATH_ROUTED;
	question->queues = 1;
	question->question = 1;
}

static enum severity not_asked(struct error *finding)
{
	check_finding(finding, SEVERITY_NOTE,
		      "no service asks the kernel what a firewall drops of VMs' packets");
	error_remedy(finding, "ask as root: sudo vmrun doctor");
	return SEVERITY_NOTE;
}

/* A refusal by the policy says nothing about the firewall, nor does a busy service. */
static enum severity not_answered(const struct error *err, struct error *finding)
{
	const bool refused = err->status == STATUS_PERMISSION || err->code == EBUSY;

	*finding = *err;
	error_context(finding, "cannot ask what a firewall drops");
	return refused ? SEVERITY_NOTE : SEVERITY_FAIL;
}

/* Without a route for forwarded packets, a VM is below the host's stack, unless it may not be. */
enum severity check_host_firewall(struct check *check, struct error *finding)
{
	char text[FORWARDING_TEXT_SIZE];
	struct verdict verdict = { 0 };
	struct netsetup_listener listener = { .verdict = take_verdict, .context = &verdict };
	struct attach_record question;
	struct error err;

	if (check->uplink_error.code)
		return check_finding(finding, SEVERITY_NOTE, "there is no uplink");
	if (check->connection->netsetup.socket < 0)
		return not_asked(finding);
	fill_question(&check->uplink, &question);
	if (check_request(check, &question, &listener, &err) < 0)
		return not_answered(&err, finding);
	if (forwarding_text(&verdict, text)) {
		check_finding(finding, SEVERITY_WARN, "%s", text);
		forwarding_remedy(&verdict, NULL, check->uplink.ifname, finding);
		return SEVERITY_WARN;
	}
	if (verdict.forwarding != FORWARDING_OPEN)
		return check_finding(finding, SEVERITY_NOTE,
				     "the kernel did not report what becomes of VMs' packets");
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
