// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the launcher's session with vmrun-netsetup for one card of a VM.
#include "launcher/lan/lan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "launcher/common/installation.h"
#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "launcher/lan/address_history.h"
#include "launcher/lan/dns.h"
#include "launcher/lan/report.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"

#define CLEAN_TRIES    5
#define CLEAN_PAUSE_US 20000

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

void lan_init(struct lan_session *lan_session, unsigned int card, bool dry_run, bool verbose)
{
	*lan_session = (struct lan_session){ .card = card,
					     .dry_run = dry_run,
					     .verbose = verbose,
					     .netsetup = NETSETUP_NONE,
					     .lan = NETSETUP_LAN_NONE,
					     .firewalld = FIREWALLD_NONE,
					     .link = { .timer = -1 } };
	roam_init(&lan_session->roam, &lan_session->netsetup);
}

void lan_start(struct lan_session *lan_session, struct lan_connection *connection)
{
	lan_session->netsetup = connection->netsetup;
	lan_session->open_error = connection->error;
	lan_session->as_root = connection->as_root && !connection->error.code;
	*connection = (struct lan_connection)LAN_CONNECTION_NONE;
}

/* The service's probes take seconds: a signal ends the wait for its answer. */
static int wait_answer(int socket, struct error *err)
{
	int ret;

	do
		ret = signals_wait(socket, -1, err);
	while (ret == 0);
	return ret < 0 ? ret : 0;
}

void lan_start_further(struct lan_session *lan_session, struct lan_session *first)
{
	const struct netsetup_listener listener = { .wait = wait_answer };

	lan_session->as_root = first->as_root;
	lan_session->open_error = first->open_error;
	if (first->netsetup.socket >= 0)
		netsetup_open_further(&first->netsetup, first->as_root, &listener,
				      &lan_session->netsetup, &lan_session->open_error);
}

/* Finds the card's network, and its name for messages. */
static void choose_card(struct lan_session *lan_session, const struct definition *definition)
{
	unsigned int index = 0;

	lan_session->definition = definition;
	lan_session->network = definition_lan(definition, lan_session->card, &index);
	if (definition_lan(definition, 1, NULL))
		snprintf(lan_session->label, sizeof(lan_session->label), "%s: network.%u",
			 definition->name, index);
	else
		snprintf(lan_session->label, sizeof(lan_session->label), "%s", definition->name);
}

/* Fills in the parts of each request that do not depend on the place. */
static void fill_request(struct lan_session *lan_session, unsigned int queues, bool offload)
{
	const struct definition *definition = lan_session->definition;
	const struct network *network = lan_session->network;
	struct attach_record *request = &lan_session->roam.request;

	protocol_record_init(request, RECORD_ATTACH);
	memcpy(request->name, definition->name, sizeof(request->name));
	memcpy(request->uuid, definition->uuid, sizeof(request->uuid));
	request->owner = getuid();
	request->range_first = network->range_first;
	request->range_last = network->range_last;
	request->probe = (uint8_t)network->probe;
	request->mac = network->mac;
	request->promiscuous = (uint8_t)network->promiscuous;
	request->path = (uint8_t)network->path;
	request->firewall = (uint8_t)network->firewall;
	request->queues = (uint8_t)queues;
	request->offload = offload;
	request->dhcp = (network->configure & CONFIGURE_DHCP) != 0;
	request->named = network->uplink[0] != '\0';
	request->dry_run = lan_session->dry_run;
	request->verbose = lan_session->verbose;
	request->card = (uint8_t)lan_session->card;
	address_history_load(definition->name, lan_session->card, &lan_session->roam.history);
}

/* Takes the definition's servers, or the host's present ones, or else the LAN's router. */
static unsigned int find_dns(const struct network *network, struct in_addr router,
			     struct in_addr dns[DNS_MAX])
{
	if (network->dns_count == 0)
		return dns_find("", router, dns);
	memcpy(dns, network->dns, sizeof(network->dns));
	return network->dns_count;
}

static void choose_dns(struct lan_session *lan_session)
{
	const struct network *network = lan_session->network;
	const struct in_addr router = lan_session->roam.place.router;

	lan_session->dns_count = find_dns(network, router, lan_session->dns);
	/* With `gateway: host` the guest has this host's routes. */
	if (!network->dns_count && network->gateway_mode != GATEWAY_HOST)
		lan_session->dns_count = dns_prefer(lan_session->dns, lan_session->dns_count,
						    lan_session->roam.follow.uplink.ifindex,
						    router);
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
	const struct lan_place *place = &lan_session->roam.place;
	struct dhcp_config config = { .mac = lan_session->network->mac,
				      .address = place->address,
				      .prefix_length = place->prefix_length,
				      .gateway = place->gateway,
				      .host = place->host,
				      .mtu = place->mtu,
				      .lease = DHCP_LEASE_SECONDS,
				      .now = monotonic_ms() / 1000 };

	choose_dns(lan_session);
	config.dns_count = lan_session->dns_count;
	memcpy(config.dns, lan_session->dns, sizeof(config.dns));
	memcpy(config.hostname, lan_session->definition->name, sizeof(config.hostname));
	choose_search(lan_session->network, &config);
	return config;
}

static void start_dhcp(struct lan_session *lan_session)
{
	const struct dhcp_config config = dhcp_config(lan_session);

	dhcp_server_init(&lan_session->dhcp, &config);
}

/* Adds the remedies for a user whom neither the service nor root's rights help. */
static int add_remedies(const struct lan_session *lan_session, struct error *err)
{
	if (err->status == STATUS_PERMISSION && geteuid() != 0 &&
	    !(lan_session->as_root && !lan_session->dry_run) && !err->remedy[0]) {
		error_remedy(err, sudo_remedy, lan_session->definition->path);
		installation_add_remedy(err);
	}
	return -err->code;
}

int lan_ask(struct lan_session *lan_session, const struct definition *definition,
	    unsigned int queues, bool offload, struct error *err)
{
	const struct in_addr none = { INADDR_ANY };
	struct roam *roam = &lan_session->roam;
	int ret;

	choose_card(lan_session, definition);
	if (lan_session->netsetup.socket < 0) {
		*err = lan_session->open_error;
		return add_remedies(lan_session, err);
	}
	fill_request(lan_session, queues, offload);
	roam->dns_count = find_dns(lan_session->network, none, roam->dns);
	ret = roam_choose(roam, lan_session->network, err);
	return ret < 0 ? ret : netsetup_ask(&lan_session->netsetup, &roam->request, err);
}

int lan_join(struct lan_session *lan_session, struct error *err)
{
	struct netsetup_listener listener = changes_only(lan_session);

	listener.wait = wait_answer;
	if (netsetup_await(&lan_session->netsetup, &lan_session->roam.request, &listener,
			   &lan_session->lan, err) < 0)
		return add_remedies(lan_session, err);
	roam_join(&lan_session->roam, &lan_session->lan.ready);
	lan_session->verdict = lan_session->lan.ready.verdict;
	start_dhcp(lan_session);
	return 0;
}

static void store_address(struct lan_session *lan_session)
{
	const struct lan_place *place = &lan_session->roam.place;
	struct address_entry entry = { place->address, place->router_mac, "" };

	memcpy(entry.ssid, place->ssid, sizeof(entry.ssid));
	address_history_store(lan_session->definition->name, lan_session->card, &entry,
			      place->prefix_length, &lan_session->roam.history);
}

static void report_address(const struct lan_session *lan_session)
{
	if (lan_session->address_changed)
		lan_session->address_changed(lan_session->roam.place.address, lan_session->context);
}

/*
 * The VM's place has changed. What the guest was told is that of the last place on the LAN: a place
 * off the LAN may have the numbers of another network. A guest that uses no DHCP is left alone.
 */
static void on_changed(const struct lan_place *old, void *context)
{
	struct lan_session *lan_session = context;
	const struct lan_place *now = &lan_session->roam.place;
	const struct lan_place told = lan_session->told;
	const bool roams = lan_session->roam.follow.roam;

	report_change(lan_session->label, &told, now, old->state == LAN_UP, roams);
	if (now->state == LAN_UP &&
	    (told.access != now->access || !ipv4_equal(told.address, now->address)))
		report_access(lan_session->label, now->access, lan_session->network->promiscuous);
	if (now->state != old->state && lan_session->state_changed)
		lan_session->state_changed(lan_session->context);
	if (now->state != LAN_UP)
		return;
	lan_session->told = *now;
	choose_dns(lan_session);
	store_address(lan_session);
	if (!ipv4_equal(told.address, now->address)) {
		lan_session->stranger.s_addr = INADDR_ANY;
		report_address(lan_session);
	}
	if (roams &&
	    (!ipv4_equal(told.address, now->address) || !ipv4_equal(told.gateway, now->gateway) ||
	     told.prefix_length != now->prefix_length))
		guest_link_cycle(&lan_session->link);
}

/* Answers a DHCP packet of the guest. */
static void serve_dhcp(struct lan_session *lan_session, const struct dhcp_record *query)
{
	const struct dhcp_config config = dhcp_config(lan_session);
	struct dhcp_record answer;
	struct dhcp_event event;
	struct error err;

	dhcp_server_configure(&lan_session->dhcp, &config);
	if (dhcp_server_answer(&lan_session->dhcp, query, &answer, &event) == 1) {
		if (protocol_send(lan_session->lan.dhcp, &answer, NULL, 0, &err) < 0)
			log_verbose("%s: %s", lan_session->label, err.message);
		/* DHCP can move this guest to another address. */
		if (event.type == DHCP_EVENT_OFFERED || event.type == DHCP_EVENT_BOUND ||
		    event.type == DHCP_EVENT_EXTENDED)
			roam_allow(&lan_session->roam);
	}
	report_dhcp(lan_session->label, &event);
}

static void close_dhcp(struct lan_session *lan_session)
{
	if (lan_session->lan.dhcp < 0)
		return;
	if (lan_session->loop)
		loop_remove(lan_session->loop, lan_session->lan.dhcp);
	close(lan_session->lan.dhcp);
	lan_session->lan.dhcp = -1;
}

/* A worker that has ended closes its socket; its successor sends another one. */
static void on_dhcp(int fd, uint32_t events, void *context)
{
	struct lan_session *lan_session = context;
	union record record;
	struct error err;

	if (protocol_receive(fd, &record, NULL, &err) < 0) {
		log_verbose("%s: DHCP: %s", lan_session->label, err.message);
		close_dhcp(lan_session);
	} else if (record.header.type == RECORD_DHCP) {
		serve_dhcp(lan_session, &record.dhcp);
	}
}

static int watch_dhcp(struct lan_session *lan_session, struct error *err)
{
	if (lan_session->lan.dhcp < 0)
		return 0;
	return loop_add(lan_session->loop, lan_session->lan.dhcp, EPOLLIN, on_dhcp, lan_session,
			err);
}

int lan_watch(struct lan_session *lan_session, struct loop *loop, struct error *err)
{
	int ret;

	lan_session->loop = loop;
	lan_session->link = (struct guest_link){
		.name = lan_session->label, .card = lan_session->card, .loop = loop, .timer = -1
	};
	lan_session->firewalld.loop = loop;
	lan_session->firewalld.name = lan_session->label;
	lan_session->told = lan_session->roam.place;
	store_address(lan_session);
	lan_session->roam.changed = on_changed;
	lan_session->roam.context = lan_session;
	ret = watch_dhcp(lan_session, err);
	return ret < 0 ? ret : roam_watch(&lan_session->roam, loop, err);
}

/* Reports the verdict, and has firewalld forward if it is to be told. */
static void use_verdict(struct lan_session *lan_session, bool changed)
{
	const struct lan_place *place = &lan_session->roam.place;

	report_verdict(lan_session->card ? lan_session->label : lan_session->definition->name,
		       place, &lan_session->verdict, changed);
	if (lan_session->network->firewall == FIREWALL_ALLOW && place->path == PATH_ROUTED &&
	    firewalld_helps(&lan_session->verdict))
		firewalld_join(&lan_session->firewalld, place->uplink, place->tap);
}

void lan_report(struct lan_session *lan_session, struct qmp *qmp)
{
	lan_session->link.qmp = qmp;
	/* Programs read this line; it is the same for a VM with one card and with several. */
	report_place(lan_session->card ? lan_session->label : lan_session->definition->name,
		     &lan_session->roam.place, lan_session->dns, lan_session->dns_count);
	report_access(lan_session->label, lan_session->roam.place.access,
		      lan_session->network->promiscuous);
	use_verdict(lan_session, false);
	report_address(lan_session);
}

static void on_ready(const struct ready_record *ready, void *context)
{
	struct lan_session *lan_session = context;

	roam_ready(&lan_session->roam, ready);
}

static void on_failed(const struct error *error, void *context)
{
	struct lan_session *lan_session = context;

	roam_failed(&lan_session->roam, error);
}

static void on_conflict(const struct conflict_record *conflict, void *context)
{
	struct lan_session *lan_session = context;

	roam_conflict(&lan_session->roam, conflict);
}

static void on_stranger(const struct conflict_record *stranger, void *context)
{
	struct lan_session *lan_session = context;

	lan_session->stranger = stranger->address;
	report_stranger(lan_session->label, stranger->address, &stranger->mac);
}

/* The service asks the kernel again, for example after a firewall has changed its rules. */
static void on_verdict(const struct verdict *verdict, void *context)
{
	struct lan_session *lan_session = context;
	const bool same = verdict_equal(verdict, &lan_session->verdict);

	lan_session->verdict = *verdict;
	if (!same)
		use_verdict(lan_session, true);
}

/* An answer that comes before lan_report() is printed by that. */
static void on_access(enum access_result access, void *context)
{
	struct lan_session *lan_session = context;

	roam_access(&lan_session->roam, access);
	lan_session->told.access = access;
	if (lan_session->link.qmp)
		report_access(lan_session->label, access, lan_session->network->promiscuous);
}

static void on_renewed(int dhcp, void *context)
{
	struct lan_session *lan_session = context;
	struct error err;

	close_dhcp(lan_session);
	lan_session->lan.dhcp = dhcp;
	if (watch_dhcp(lan_session, &err) < 0)
		log_verbose("%s: %s", lan_session->label, err.message);
	roam_renewed(&lan_session->roam);
}

int lan_event(struct lan_session *lan_session, struct error *err)
{
	const struct netsetup_listener listener = { .change = show_change,
						    .ready = on_ready,
						    .failed = on_failed,
						    .conflict = on_conflict,
						    .stranger = on_stranger,
						    .verdict = on_verdict,
						    .access = on_access,
						    .renewed = on_renewed,
						    .context = lan_session };
	int ret;

	ret = netsetup_listen(&lan_session->netsetup, &listener, err);
	if (ret != -ECONNRESET)
		return ret;
	ret = roam_reattach(&lan_session->roam, &listener, err);
	if (ret < 0) {
		error_context(err, "VM '%s' is no longer on the LAN",
			      lan_session->definition->name);
		err->status = STATUS_FAILURE;
		return ret;
	}
	log_notice("%s: vmrun-netsetup ended; it serves again", lan_session->label);
	return 0;
}

void lan_leave(struct lan_session *lan_session)
{
	const struct netsetup_listener none = { 0 };

	netsetup_end(&lan_session->netsetup, &none);
}

static int clean_once(struct lan_session *lan_session, struct error *err)
{
	const struct netsetup_listener listener = changes_only(lan_session);
	const struct netsetup_listener none = { 0 };
	struct netsetup another = NETSETUP_NONE;
	int ret;

	ret = netsetup_open(&another, false, err);
	if (ret == 0)
		ret = netsetup_clean(&another, false, &listener, err);
	netsetup_end(&another, &none);
	return ret;
}

/* Cleans by another connection, if the service did not undo everything. */
static void clean_again(struct lan_session *lan_session)
{
	struct error err = { 0 };
	int ret = clean_once(lan_session, &err);

	/* A service that was killed accepts connections until the kernel has closed its socket. */
	for (int i = 0; ret == -ECONNRESET && i < CLEAN_TRIES; i++) {
		usleep(CLEAN_PAUSE_US);
		ret = clean_once(lan_session, &err);
	}
	if (ret < 0)
		log_notice("the network is not as it was: %s; the next start of a VM puts it back, "
			   "or: sudo vmrun clean",
			   err.message);
}

void lan_end(struct lan_session *lan_session)
{
	const struct netsetup_listener listener = changes_only(lan_session);
	bool ended;

	guest_link_done(&lan_session->link);
	roam_end(&lan_session->roam);
	close_dhcp(lan_session);
	firewalld_leave(&lan_session->firewalld);
	ended = netsetup_end(&lan_session->netsetup, &listener);
	/*
	 * The service has deleted the tap. To close its last descriptor before would do so, too,
	 * but wait some 15 ms for the kernel. If the service is gone, this deletes it.
	 */
	netsetup_lan_done(&lan_session->lan);
	if (!ended && !lan_session->dry_run)
		clean_again(lan_session);
}
