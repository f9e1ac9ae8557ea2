// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the launcher's session with vmrun-netsetup for one VM.
#include "launcher/lan/lan.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/installation.h"
#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "launcher/lan/address_history.h"
#include "launcher/lan/dns.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/* Time that the guest's link is down when its address changes: a client that polls notices it. */
#define LINK_DOWN_SECONDS 1

/* The id of QEMU's -netdev for the guest's link, as in qemu_network.c. */
#define LINK_NAME "lan0"

/* Helpers that may die one after the other while they take over. */
#define TAKEOVER_TRIES 4

static const char sudo_remedy[] =
	"run it as root, vmrun drops root's rights at once: sudo vmrun %s";

static void show_change(const char *command, void *context)
{
	const struct lan_session *lan_session = context;

	log_change(command, lan_session->dry_run);
}

static struct netsetup_listener changes_only(struct lan_session *lan_session)
{
	return (struct netsetup_listener){ .change = show_change, .context = lan_session };
}

void lan_init(struct lan_session *lan_session, bool dry_run, bool verbose)
{
	memset(lan_session, 0, sizeof(*lan_session));
	lan_session->dry_run = dry_run;
	lan_session->verbose = verbose;
	lan_session->helper.socket = -1;
	lan_session->standby.socket = -1;
	lan_session->link_timer = -1;
	memset(lan_session->lan.tap_fds, -1, sizeof(lan_session->lan.tap_fds));
}

void lan_start(struct lan_session *lan_session, struct helpers *helpers)
{
	const struct netsetup_listener none = { 0 };

	lan_session->helper = helpers->helper;
	lan_session->standby = helpers->standby;
	lan_session->helper_error = helpers->error;
	lan_session->started_as_root = helpers->as_root && !helpers->error.code &&
				       !lan_session->dry_run;
	*helpers = (struct helpers)HELPERS_NONE;

	/* A vmrun that is still root, or never was, needs no standby. */
	lan_session->can_start = geteuid() == 0 || !lan_session->started_as_root;
	if (lan_session->can_start)
		netsetup_end(&lan_session->standby, &none);
}

static void fill_setup(struct lan_session *lan_session, unsigned int queues, bool offload)
{
	const struct definition *definition = lan_session->definition;
	const struct network *network = &definition->network;
	struct setup_record *setup = &lan_session->setup;

	protocol_record_init(setup, RECORD_SETUP);
	memcpy(setup->name, definition->name, sizeof(setup->name));
	memcpy(setup->uuid, definition->uuid, sizeof(setup->uuid));
	memcpy(setup->uplink, network->uplink, sizeof(setup->uplink));
	setup->address = network->address;
	setup->range_first = network->range_first;
	setup->range_last = network->range_last;
	setup->gateway_mode = network->gateway_mode;
	setup->gateway = network->gateway;
	setup->probe = network->probe;
	setup->promiscuous = network->promiscuous;
	setup->queues = (uint8_t)queues;
	setup->offload = offload;
	setup->dhcp = (network->configure & CONFIGURE_DHCP) != 0;
	/* A guest that is configured in other ways as well may roam only once it has used DHCP. */
	setup->roam = network->configure == CONFIGURE_DHCP;
	setup->dry_run = lan_session->dry_run;
	setup->verbose = lan_session->verbose;
	address_history_load(definition->name, lan_session->remembered);
	memcpy(setup->remembered, lan_session->remembered, sizeof(setup->remembered));

	setup->dns_count = network->dns_count;
	memcpy(setup->dns, network->dns, sizeof(setup->dns));
	if (network->dns_count == 0)
		setup->dns_count = dns_find("", (struct in_addr){ INADDR_ANY }, setup->dns);
}

/* Takes the definition's servers, or the host's present ones, or else the LAN's router. */
static void choose_dns(struct lan_session *lan_session)
{
	const struct network *network = &lan_session->definition->network;

	lan_session->dns_count = network->dns_count;
	memcpy(lan_session->dns, network->dns, sizeof(lan_session->dns));
	if (network->dns_count == 0)
		lan_session->dns_count = dns_find("", lan_session->lan.ready.router,
						  lan_session->dns);
}

/* Takes the definition's search domains, or the host's present ones. */
static void choose_search(const struct network *network, struct dhcp_config *config)
{
	config->search_count = network->search_count;
	for (unsigned int i = 0; i < network->search_count; i++)
		memcpy(config->search[i], network->search[i], strlen(network->search[i]) + 1);
	if (!network->search_count)
		config->search_count = dns_find_search("", config->search);
}

/* Fills the DHCP server's configuration anew: the resolver's files may have changed. */
static struct dhcp_config dhcp_config(struct lan_session *lan_session)
{
	const struct ready_record *ready = &lan_session->lan.ready;
	struct dhcp_config config = { .mac = lan_session->definition->network.mac,
				      .address = ready->address,
				      .prefix_length = ready->prefix_length,
				      .gateway = ready->gateway,
				      .host = ready->host,
				      .mtu = ready->mtu,
				      .lease = DHCP_LEASE_SECONDS };

	choose_dns(lan_session);
	config.dns_count = lan_session->dns_count;
	memcpy(config.dns, lan_session->dns, sizeof(config.dns));
	memcpy(config.hostname, lan_session->definition->name, sizeof(config.hostname));
	choose_search(&lan_session->definition->network, &config);
	return config;
}

static void start_dhcp(struct lan_session *lan_session)
{
	const struct dhcp_config config = dhcp_config(lan_session);

	dhcp_server_init(&lan_session->dhcp, &config);
}

int lan_ask(struct lan_session *lan_session, const struct definition *definition,
	    unsigned int queues, bool offload, struct error *err)
{
	lan_session->definition = definition;
	if (lan_session->helper.socket < 0) {
		*err = lan_session->helper_error;
		return -err->code;
	}
	fill_setup(lan_session, queues, offload);
	return netsetup_ask(&lan_session->helper, &lan_session->setup, err);
}

/* The helper's probes take seconds: a signal ends the wait for its answer. */
static int wait_answer(int socket, struct error *err)
{
	int ret;

	do
		ret = signals_wait(socket, -1, err);
	while (ret == 0);
	return ret < 0 ? ret : 0;
}

int lan_join(struct lan_session *lan_session, struct error *err)
{
	struct netsetup_listener listener = changes_only(lan_session);
	int ret;

	listener.wait = wait_answer;
	ret = netsetup_await(&lan_session->helper, &listener, &lan_session->lan, err);
	if (ret < 0) {
		if (err->status == STATUS_PERMISSION && geteuid() != 0 &&
		    !lan_session->started_as_root && !err->remedy[0]) {
			error_remedy(err, sudo_remedy, lan_session->definition->path);
			installation_add_remedy(err);
		}
		return ret;
	}
	choose_dns(lan_session);
	start_dhcp(lan_session);
	return 0;
}

/* "192.168.1.1, 1.1.1.1", or "none". */
static void dns_text(const struct lan_session *lan_session, char *text, size_t size)
{
	char address[IPV4_TEXT_SIZE];
	size_t used = 0;

	snprintf(text, size, "none");
	for (unsigned int i = 0; i < lan_session->dns_count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 ipv4_text(lan_session->dns[i], address));
}

/* Prints the line that reports the VM on the LAN. */
static void print_attachment(const struct lan_session *lan_session)
{
	const struct ready_record *ready = &lan_session->lan.ready;
	char address[IPV4_TEXT_SIZE], gateway[IPV4_TEXT_SIZE] = "none";
	char dns[DNS_MAX * (IPV4_TEXT_SIZE + 2)];

	if (!ipv4_unset(ready->gateway))
		ipv4_text(ready->gateway, gateway);
	dns_text(lan_session, dns, sizeof(dns));
	log_notice("%s: %s/%u on %s%s%s%s, gateway %s, dns %s, tap %s",
		   lan_session->definition->name, ipv4_text(ready->address, address),
		   ready->prefix_length, ready->uplink, ready->ssid[0] ? " (SSID " : "",
		   ready->ssid, ready->ssid[0] ? ")" : "", gateway, dns, ready->tap);
}

static void store_address(struct lan_session *lan_session)
{
	const struct ready_record *ready = &lan_session->lan.ready;
	const struct prefix prefix = { ready->address, ready->prefix_length };

	address_history_store(lan_session->definition->name, &prefix, lan_session->remembered);
	address_history_load(lan_session->definition->name, lan_session->remembered);
	if (lan_session->address_changed)
		lan_session->address_changed(ready->address, lan_session->context);
}

void lan_watch(struct lan_session *lan_session, struct loop *loop)
{
	lan_session->loop = loop;
}

void lan_report(struct lan_session *lan_session, struct qmp *qmp)
{
	lan_session->qmp = qmp;
	print_attachment(lan_session);
	store_address(lan_session);
}

static void set_link(struct lan_session *lan_session, bool up)
{
	struct json_object *arguments = json_object_new_object();
	struct error err;

	json_object_object_add(arguments, "name", json_object_new_string(LINK_NAME));
	json_object_object_add(arguments, "up", json_object_new_boolean(up));
	if (qmp_send(lan_session->qmp, "set_link", arguments, &err) < 0)
		log_verbose("%s: %s", lan_session->definition->name, err.message);
}

static void on_link_timer(int fd, uint32_t events, void *context)
{
	struct lan_session *lan_session = context;

	loop_remove(lan_session->loop, fd);
	close(fd);
	lan_session->link_timer = -1;
	set_link(lan_session, true);
}

/* Takes the guest's link down and up: a DHCP client that watches it requests its address again. */
static void cycle_link(struct lan_session *lan_session)
{
	const struct itimerspec when = { .it_value = { .tv_sec = LINK_DOWN_SECONDS } };
	struct error err;

	if (!lan_session->qmp || !qmp_is_ready(lan_session->qmp) || lan_session->link_timer >= 0)
		return;
	lan_session->link_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (lan_session->link_timer < 0)
		return;
	timerfd_settime(lan_session->link_timer, 0, &when, NULL);
	if (loop_add(lan_session->loop, lan_session->link_timer, EPOLLIN, on_link_timer,
		     lan_session, &err) < 0) {
		close(lan_session->link_timer);
		lan_session->link_timer = -1;
		return;
	}
	set_link(lan_session, false);
}

/* Prints the differences between the old and the new attachment. */
static void print_change(const struct lan_session *lan_session, const struct ready_record *old)
{
	const struct ready_record *now = &lan_session->lan.ready;
	const char *name = lan_session->definition->name;
	char before[IPV4_TEXT_SIZE], after[IPV4_TEXT_SIZE];

	if (ipv4_equal(old->address, now->address) && !ipv4_equal(old->gateway, now->gateway))
		log_notice("%s: the gateway is %s now, no longer %s%s", name,
			   ipv4_text(now->gateway, after), ipv4_text(old->gateway, before),
			   lan_session->setup.roam ? "" : "; configure the guest by hand");
	if (now->state != LAN_UP) {
		log_notice("%s: %s: %s", name,
			   now->state == LAN_CONFLICT ? "address conflict" : "off the LAN",
			   now->reason);
		return;
	}
	if (!ipv4_equal(old->address, now->address) || strcmp(old->uplink, now->uplink) != 0)
		log_notice("%s: moved: %s on %s -> %s on %s%s%s", name,
			   ipv4_text(old->address, before), old->uplink,
			   ipv4_text(now->address, after), now->uplink, now->reason[0] ? ": " : "",
			   now->reason);
	else if (old->state != LAN_UP)
		log_notice("%s: on the LAN again: %s on %s", name, ipv4_text(now->address, after),
			   now->uplink);
}

static void on_moved(const struct ready_record *ready, void *context)
{
	struct lan_session *lan_session = context;
	const struct ready_record old = lan_session->lan.ready;

	lan_session->lan.ready = *ready;
	print_change(lan_session, &old);
	if (ready->state != LAN_UP)
		return;
	choose_dns(lan_session);
	if (!ipv4_equal(old.address, ready->address))
		store_address(lan_session);
	if (!ipv4_equal(old.address, ready->address) || !ipv4_equal(old.gateway, ready->gateway) ||
	    old.prefix_length != ready->prefix_length)
		cycle_link(lan_session);
}

static void print_dhcp(const struct lan_session *lan_session, const struct dhcp_event *event)
{
	const char *name = lan_session->definition->name;
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	ipv4_text(event->address, address);
	scalar_mac_text(&event->mac, mac);
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

static void on_dhcp(const struct dhcp_record *query, void *context)
{
	struct lan_session *lan_session = context;
	const struct dhcp_config config = dhcp_config(lan_session);
	struct dhcp_record answer;
	struct dhcp_event event;
	struct error err;

	dhcp_server_configure(&lan_session->dhcp, &config);
	if (dhcp_server_answer(&lan_session->dhcp, query, &answer, &event) == 1) {
		/* For a helper that takes over: DHCP can move this guest to another address. */
		if (event.type == DHCP_EVENT_BOUND || event.type == DHCP_EVENT_EXTENDED)
			lan_session->setup.roam = 1;
		if (netsetup_answer(&lan_session->helper, &answer, &err) < 0)
			log_verbose("%s: %s", lan_session->definition->name, err.message);
	}
	print_dhcp(lan_session, &event);
}

/* Makes another helper the active one: a new one, or the standby if vmrun cannot start any. */
static int next_helper(struct lan_session *lan_session, struct error *err)
{
	netsetup_reap(&lan_session->helper);
	if (lan_session->can_start)
		return netsetup_start(&lan_session->helper, err);
	if (lan_session->standby.socket < 0)
		return error_setf(err, STATUS_FAILURE, ENOENT,
				  "vmrun-netsetup ended, and there is none to replace it");
	lan_session->helper = lan_session->standby;
	lan_session->standby.socket = -1;
	return 0;
}

/* Passes the attachment of a dead helper to another; if that one dies meanwhile, to the next. */
static int replace_helper(struct lan_session *lan_session, struct error *err)
{
	const struct netsetup_listener listener = changes_only(lan_session);
	int ret = -ECONNRESET;

	for (int i = 0; i < TAKEOVER_TRIES && ret == -ECONNRESET; i++) {
		ret = next_helper(lan_session, err);
		if (ret == 0)
			ret = netsetup_adopt(&lan_session->helper, &lan_session->setup, &listener,
					     &lan_session->lan, err);
	}
	if (ret < 0) {
		lan_session->helper.owes = true;
		netsetup_reap(&lan_session->helper);
		error_context(err, "VM '%s' is no longer on the LAN",
			      lan_session->definition->name);
		return ret;
	}
	log_notice("%s: vmrun-netsetup ended; another has taken over",
		   lan_session->definition->name);
	return 0;
}

int lan_event(struct lan_session *lan_session, struct error *err)
{
	const struct netsetup_listener listener = {
		.change = show_change, .moved = on_moved, .dhcp = on_dhcp, .context = lan_session
	};
	int ret;

	ret = netsetup_listen(&lan_session->helper, &listener, err);
	if (ret == -ECONNRESET)
		ret = replace_helper(lan_session, err);
	return ret;
}

void lan_leave(struct lan_session *lan_session)
{
	const struct netsetup_listener none = { 0 };

	netsetup_end(&lan_session->helper, &none);
	netsetup_end(&lan_session->standby, &none);
}

/* Cleans by another helper, if the helper did not undo everything (most likely it was killed). */
static void clean_by_another(struct lan_session *lan_session)
{
	const struct netsetup_listener listener = changes_only(lan_session);
	const struct netsetup_listener none = { 0 };
	struct error err = { 0 };
	int ret = 0;

	if (lan_session->standby.socket < 0 && lan_session->can_start)
		ret = netsetup_start(&lan_session->standby, &err);
	else if (lan_session->standby.socket < 0)
		ret = -ECONNRESET;
	if (ret == 0)
		ret = netsetup_clean(&lan_session->standby, false, &listener, &err);
	if (ret < 0)
		log_notice("the network is not as it was%s%s; the next start of a VM puts it back, "
			   "or: sudo vmrun clean",
			   err.message[0] ? ": " : "", err.message);
	netsetup_end(&lan_session->standby, &none);
}

void lan_end(struct lan_session *lan_session)
{
	const struct netsetup_listener listener = changes_only(lan_session);
	const struct netsetup_listener none = { 0 };

	if (lan_session->link_timer >= 0)
		close(lan_session->link_timer);
	lan_session->link_timer = -1;
	/* vmrun's last descriptors of the tap: the helper alone has it then. */
	netsetup_lan_done(&lan_session->lan);
	if (!netsetup_end(&lan_session->helper, &listener) && !lan_session->dry_run)
		clean_by_another(lan_session);
	netsetup_end(&lan_session->standby, &none);
}
