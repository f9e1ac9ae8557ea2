// SPDX-License-Identifier: GPL-2.0-or-later
// Prints what becomes of the VM on the LAN.
#include "launcher/lan/report.h"

#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/lan/access.h"
#include "launcher/lan/forwarding.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/ipv4.h"

/* "192.168.1.1, 1.1.1.1", or "none". */
static void dns_text(const struct in_addr *dns, unsigned int count, char *text, size_t size)
{
	char address[IPV4_TEXT_SIZE];
	size_t used = 0;

	snprintf(text, size, "none");
	for (unsigned int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 ipv4_text(dns[i], address));
}

void report_place(const char *name, const struct lan_place *place, const struct in_addr *dns,
		  unsigned int dns_count)
{
	char address[IPV4_TEXT_SIZE], gateway[IPV4_TEXT_SIZE] = "none";
	char servers[DNS_MAX * (IPV4_TEXT_SIZE + 2)];

	if (!ipv4_unset(place->gateway))
		ipv4_text(place->gateway, gateway);
	dns_text(dns, dns_count, servers, sizeof(servers));
	log_notice("%s: %s/%u on %s%s%s%s, gateway %s, dns %s, tap %s", name,
		   ipv4_text(place->address, address), place->prefix_length, place->uplink,
		   place->ssid[0] ? " (SSID " : "", place->ssid, place->ssid[0] ? ")" : "", gateway,
		   servers, place->tap);
	if (place->reason[0])
		log_notice("%s: %s", name, place->reason);
}

void report_change(const char *name, const struct lan_place *old, const struct lan_place *now,
		   bool was_up, bool roams)
{
	char before[IPV4_TEXT_SIZE], after[IPV4_TEXT_SIZE];

	if (now->state != LAN_UP) {
		log_notice("%s: %s: %s", name,
			   now->state == LAN_CONFLICT ? "address conflict" : "off the LAN",
			   now->reason);
		return;
	}
	if (ipv4_equal(old->address, now->address) && !ipv4_equal(old->gateway, now->gateway))
		log_notice("%s: the gateway is %s now, no longer %s%s", name,
			   ipv4_text(now->gateway, after), ipv4_text(old->gateway, before),
			   roams ? "" : "; configure the guest by hand");
	if (!ipv4_equal(old->address, now->address) || strcmp(old->uplink, now->uplink) != 0)
		log_notice("%s: moved: %s on %s -> %s on %s%s%s", name,
			   ipv4_text(old->address, before), old->uplink,
			   ipv4_text(now->address, after), now->uplink, now->reason[0] ? ": " : "",
			   now->reason);
	else if (!was_up)
		log_notice("%s: on the LAN again: %s on %s%s%s", name,
			   ipv4_text(now->address, after), now->uplink, now->reason[0] ? ": " : "",
			   now->reason);
	else if (now->reason[0] && strcmp(old->reason, now->reason) != 0)
		log_notice("%s: %s", name, now->reason);
}

void report_access(const char *name, enum access_result access, enum promiscuous_mode promiscuous)
{
	char text[ACCESS_TEXT_SIZE];

	if (access_text(access, promiscuous, text))
		log_notice("%s: %s", name, text);
}

void report_stranger(const char *name, struct in_addr address, const struct ether_addr *mac)
{
	char address_text[IPV4_TEXT_SIZE], mac_text[ARP_MAC_TEXT_SIZE];

	log_notice("%s: the guest sends from %s (MAC address %s), which is not its address: none "
		   "of it passes",
		   name, ipv4_text(address, address_text), scalar_mac_text(mac, mac_text));
}

void report_verdict(const char *name, const struct lan_place *place, const struct verdict *verdict,
		    bool changed)
{
	char text[FORWARDING_TEXT_SIZE];
	struct error finding = { 0 };
	char *rest = finding.remedy;

	if (place->path == PATH_BRIDGED) {
		log_notice("%s: bridged%s%s: no firewall, VPN or policy rule of this host applies "
			   "to the guest",
			   name, forwarding_text(verdict, text) ? ", because " : "", text);
	} else if (forwarding_text(verdict, text)) {
		log_notice("%s: %s", name, text);
		forwarding_remedy(verdict, place->tap, place->uplink, &finding);
		for (char *line; finding.remedy[0] && (line = strsep(&rest, "\n"));)
			log_notice("%s:   %s", name, line);
	} else if (verdict->forwarding == FORWARDING_OPEN && (changed || verdict->allowed)) {
		log_notice("%s: this host forwards the guest's packets%s", name,
			   verdict->allowed ? ", by rules that vmrun has added to its firewall"
					    : "");
	}
}

void report_dhcp(const char *name, const struct dhcp_event *event)
{
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	ipv4_text(event->address, address);
	scalar_mac_text(&event->mac, mac);
	if (event->adopted)
		log_notice("%s: DHCP: the guest's MAC address is %s now", name, mac);
	switch (event->type) {
	case DHCP_EVENT_NONE:
	case DHCP_EVENT_OFFERED:
	case DHCP_EVENT_EXTENDED:
		break;
	case DHCP_EVENT_BOUND:
		log_verbose("%s: DHCP: the guest has %s", name, address);
		break;
	case DHCP_EVENT_REFUSED:
		log_verbose("%s: DHCP: the guest requested %s, which is not its address here", name,
			    address);
		break;
	case DHCP_EVENT_DECLINED:
		log_notice("%s: the guest found another machine at %s", name, address);
		break;
	case DHCP_EVENT_RELEASED:
		log_verbose("%s: DHCP: the guest released %s", name, address);
		break;
	case DHCP_EVENT_INFORMED:
		log_verbose("%s: DHCP: the guest has %s by other means", name, address);
		break;
	case DHCP_EVENT_STRANGER:
		log_notice("%s: a DHCP client %s behind the guest is not served", name, mac);
		break;
	}
}
