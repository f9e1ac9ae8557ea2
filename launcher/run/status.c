// SPDX-License-Identifier: GPL-2.0-or-later
// Describes a running VM as JSON; vmrun(1) documents each member.
#include "launcher/run/status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/definition/type_port.h"
#include "launcher/lan/access.h"
#include "launcher/lan/forwarding.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

static void add_address(struct json_object *object, const char *key, struct in_addr address)
{
	char text[IPV4_TEXT_SIZE];

	add_text(object, key, ipv4_unset(address) ? NULL : ipv4_text(address, text));
}

static const char *lan_text(enum lan_state state)
{
	switch (state) {
	case LAN_UP:
		return "up";
	case LAN_AWAY:
		return "away";
	case LAN_ELSEWHERE:
		return "elsewhere";
	case LAN_CONFLICT:
		return "contested";
	}
	return "unknown";
}

/* A VM that is on the LAN may have a guest that does not send from its address. */
static void add_reason(struct json_object *object, const struct lan_session *lan_session)
{
	const struct lan_place *place = &lan_session->roam.place;
	char text[IPV4_TEXT_SIZE], reason[IPV4_TEXT_SIZE + 64];

	snprintf(reason, sizeof(reason), "the guest sends from %s, which is not its address",
		 ipv4_text(lan_session->stranger, text));
	if (place->reason[0])
		add_text(object, "lan-reason", place->reason);
	else
		add_text(object, "lan-reason", ipv4_unset(lan_session->stranger) ? NULL : reason);
}

static void add_lan(struct json_object *object, const struct lan_session *lan_session)
{
	const struct lan_place *place = &lan_session->roam.place;
	struct json_object *dns = json_object_new_array();
	char text[IPV4_TEXT_SIZE], reason[FORWARDING_TEXT_SIZE], access[ACCESS_TEXT_SIZE];

	add_address(object, "address", place->address);
	add_number(object, "prefix-length", place->prefix_length);
	add_text(object, "uplink", place->uplink);
	add_text(object, "ssid", place->ssid[0] ? place->ssid : NULL);
	add_address(object, "gateway", place->gateway);
	for (unsigned int i = 0; i < lan_session->dns_count; i++)
		json_object_array_add(dns,
				      json_object_new_string(ipv4_text(lan_session->dns[i], text)));
	json_object_object_add(object, "dns", dns);
	add_text(object, "tap", place->tap);
	add_text(object, "path", place->path == PATH_BRIDGED ? "bridged" : "routed");
	add_text(object, "path-reason",
		 place->path == PATH_BRIDGED && forwarding_text(&lan_session->verdict, reason)
			 ? reason
			 : NULL);
	add_text(object, "access", access_word(place->access));
	add_text(object, "access-reason",
		 access_text(place->access, lan_session->network->promiscuous, access) ? access
										       : NULL);
	add_number(object, "mtu", place->mtu);
	add_text(object, "lan", lan_text(place->state));
	add_reason(object, lan_session);
}

/* Adds the chains that drop packets: family, table, chain, its rule or policy, the program. */
static void add_chains(struct json_object *object, const struct verdict *verdict)
{
	struct json_object *chains = json_object_new_array();
	char text[3 * NFT_NAME_SIZE];

	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct verdict_culprit *culprit = &verdict->culprits[i];
		const char *owner = forwarding_owner(culprit);
		char rule[32] = "policy";

		if (culprit->rule)
			snprintf(rule, sizeof(rule), "rule %llu",
				 (unsigned long long)culprit->rule);
		snprintf(text, sizeof(text), "%s %s %s %s%s%s%s", verdict_family(culprit),
			 culprit->table, culprit->chain, rule, owner ? " (" : "",
			 owner ? owner : "", owner ? ")" : "");
		json_object_array_add(chains, json_object_new_string(text));
	}
	json_object_object_add(object, "forwarding-chains", chains);
}

/* Adds what the host forwards: words, the chains that drop, and the commands that help. */
static void add_forwarding(struct json_object *object, const struct lan_session *lan_session)
{
	static const char *const names[] = { "tcp-out", "udp-out", "ping-out",
					     "tcp-in",  "udp-in",  "ping-in" };
	static const struct verdict none;
	const struct lan_place *place = &lan_session->roam.place;
	/* This host does not forward the packets of a bridged VM. */
	const struct verdict *verdict = place->path == PATH_BRIDGED ? &none : &lan_session->verdict;
	struct json_object *fates = json_object_new_array(), *remedy = json_object_new_array();
	char text[FORWARDING_TEXT_SIZE];
	struct error finding = { 0 };
	char *rest = finding.remedy;

	add_text(object, "forwarding", forwarding_word(verdict));
	add_text(object, "forwarding-reason", forwarding_text(verdict, text) ? text : NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text), "%s %s", names[i],
			 forwarding_fate(verdict->fates[i / VERDICT_KINDS][i % VERDICT_KINDS]));
		json_object_array_add(fates, json_object_new_string(text));
	}
	json_object_object_add(object, "forwarding-packets", fates);
	add_chains(object, verdict);
	forwarding_remedy(verdict, place->tap, place->uplink, &finding);
	for (char *line; finding.remedy[0] && (line = strsep(&rest, "\n"));)
		json_object_array_add(remedy, json_object_new_string(line));
	json_object_object_add(object, "forwarding-remedy", remedy);
	json_object_object_add(object, "forwarding-allowed",
			       json_object_new_boolean(verdict->allowed));
}

static const char *console_text(enum console_mode console)
{
	return console == CONSOLE_SOCKET ? "socket" : console == CONSOLE_STDIO ? "stdio" : "none";
}

/* Adds an array at its first use, and returns it. */
static struct json_object *get_array(struct json_object *object, const char *key)
{
	struct json_object *array;

	if (!json_object_object_get_ex(object, key, &array)) {
		array = json_object_new_array();
		json_object_object_add(object, key, array);
	}
	return array;
}

/* Adds the ports of networks of type user, and the names of private networks. */
static void add_ports(struct json_object *object, const struct definition *definition)
{
	const struct network *network;
	char text[TYPE_PORT_TEXT_SIZE];

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++) {
		if (network->type == NETWORK_PRIVATE)
			json_object_array_add(get_array(object, "private-networks"),
					      json_object_new_string(network->name));
		if (network->type == NETWORK_USER)
			get_array(object, "ports");
		for (unsigned int k = 0; k < network->port_count; k++)
			json_object_array_add(
				get_array(object, "ports"),
				json_object_new_string(type_port_text(&network->ports[k], text)));
	}
}

static const char *type_text(enum network_type type)
{
	switch (type) {
	case NETWORK_LAN:
		return "lan";
	case NETWORK_USER:
		return "user";
	case NETWORK_PRIVATE:
		return "private";
	case NETWORK_NONE:
		break;
	}
	return "none";
}

static struct json_object *network_json(const struct definition *definition, unsigned int index,
					const struct lan_cards *cards)
{
	const struct network *network = definition_network(definition, index);
	struct json_object *object = json_object_new_object();
	char mac[ARP_MAC_TEXT_SIZE];

	add_text(object, "type", type_text(network->type));
	add_text(object, "mac", scalar_mac_text(&network->mac, mac));
	if (network->type == NETWORK_LAN)
		add_lan(object, &cards->sessions[definition_card_number(definition, index)]);
	if (network->type == NETWORK_PRIVATE)
		add_text(object, "name", network->name);
	return object;
}

/* Adds each card of the VM, in the order of the definition. */
static void add_networks(struct json_object *object, const struct definition *definition,
			 const struct lan_cards *cards)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; definition_network(definition, i); i++)
		if (definition_network(definition, i)->type != NETWORK_NONE)
			json_object_array_add(array, network_json(definition, i, cards));
	json_object_object_add(object, "networks", array);
}

/* Adds ssh(1)'s user and key; the user is null if the image chooses it, which vmrun cannot see. */
static void add_login(struct json_object *object, const struct machine_login *login)
{
	const char *user = login->user;

	add_text(object, "user", user && strcmp(user, CLOUD_INIT_USER_DEFAULT) ? user : NULL);
	add_text(object, "ssh-key", login->identity);
}

struct json_object *status_json(const struct machine_plan *plan, const struct lan_cards *cards,
				const struct vm *vm, const struct pause *pause, time_t started)
{
	const struct definition *definition = plan->definition;
	struct json_object *object = json_object_new_object();
	char uuid[UUID_STR_LEN], mac[ARP_MAC_TEXT_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	uuid_unparse_lower(definition->uuid, uuid);
	add_text(object, "name", definition->name);
	add_text(object, "state",
		 pause->paused && vm->state == VM_RUNNING ? "paused" : vm_state_name(vm->state));
	add_text(object, "state-reason", pause->paused ? pause->reason : NULL);
	add_number(object, "pid", getpid());
	add_number(object, "qemu-pid", vm->qemu.pid);
	add_number(object, "uptime", now.tv_sec - started);
	if (cards->count) {
		add_lan(object, &cards->sessions[0]);
		add_forwarding(object, &cards->sessions[0]);
	}
	add_text(object, "uuid", uuid);
	add_text(object, "mac", scalar_mac_text(&definition->network.mac, mac));
	add_ports(object, definition);
	add_networks(object, definition, cards);
	if (plan->vsock)
		add_number(object, "vsock", definition->vsock.cid);
	add_text(object, "definition", definition->path);
	add_text(object, "console", console_text(plan->console));
	add_login(object, &plan->login);
	return object;
}
