// SPDX-License-Identifier: GPL-2.0-or-later
// The VM's membership of the LAN as the launcher keeps it: the helper, its spare, what they tell.
#include "launcher/lan/lan.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/lan/address_history.h"
#include "launcher/lan/dns.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/* So long is the guest's link down when its address changes: enough for a client that polls it. */
#define LINK_DOWN_SECONDS 1

/* The guest's link by its -netdev's id, as in qemu_network.c. */
#define LINK_NAME "lan0"

/* So many spares that ended so early, one after the other, and no more is asked for. */
#define SPARES_SHORT_MAX    8
#define SPARE_SHORT_SECONDS 1

/* So many helpers that die while they take over, one after the other. */
#define TAKEOVER_TRIES 4

static const char sudo_hint[] = "run it as root, it gives root's rights up at once: sudo vmrun %s";

static void show_change(const char *command, void *context)
{
	const struct member *member = context;

	log_change(command, member->dry_run);
}

static struct netsetup_listener changes_only(struct member *member)
{
	return (struct netsetup_listener){ .change = show_change, .context = member };
}

void member_init(struct member *member, bool dry_run, bool verbose)
{
	memset(member, 0, sizeof(*member));
	member->dry_run = dry_run;
	member->verbose = verbose;
	member->helper.socket = -1;
	member->spare.socket = -1;
	member->link_timer = -1;
	memset(member->lan.tap_fds, -1, sizeof(member->lan.tap_fds));
}

static time_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

void member_start(struct member *member, struct helpers *helpers)
{
	const struct netsetup_listener none = { 0 };

	member->helper = helpers->helper;
	member->spare = helpers->standby;
	member->helper_error = helpers->error;
	member->started_as_root = helpers->as_root && !helpers->error.code && !member->dry_run;
	member->spare_since = now_seconds();
	*helpers = (struct helpers)HELPERS_NONE;

	/* Who still is root needs no spare, nor who never was. */
	member->can_start = geteuid() == 0 || !member->started_as_root;
	if (member->can_start)
		netsetup_end(&member->spare, &none);
}

/* Asks the helper for a spare, where another one could not be started. */
static void wish_spare(struct member *member)
{
	struct error err;

	if (member->can_start || member->dry_run || member->spares_short >= SPARES_SHORT_MAX)
		return;
	member->spare_since = now_seconds();
	if (netsetup_spare(&member->helper, &member->spare, &err) < 0)
		log_verbose("%s: no spare helper: %s", member->definition->name, err.message);
}

static void on_spare(int fd, uint32_t events, void *context);

static void watch_spare(struct member *member)
{
	struct error ignored;

	if (member->loop && member->spare.socket >= 0 && !member->spare_watched)
		member->spare_watched = loop_add(member->loop, member->spare.socket,
						 EPOLLIN | EPOLLRDHUP, on_spare, member,
						 &ignored) == 0;
}

static void unwatch_spare(struct member *member)
{
	if (member->spare_watched)
		loop_remove(member->loop, member->spare.socket);
	member->spare_watched = false;
}

/* Its first word, or its end: then another one is made. */
static void on_spare(int fd, uint32_t events, void *context)
{
	struct member *member = context;

	if (netsetup_spare_listen(&member->spare))
		return;
	unwatch_spare(member);
	netsetup_reap(&member->spare);
	if (now_seconds() >= member->spare_since + SPARE_SHORT_SECONDS)
		member->spares_short = 0;
	else
		member->spares_short++;
	log_verbose("%s: the spare helper ended", member->definition->name);
	wish_spare(member);
	watch_spare(member);
}

static void fill_setup(struct member *member, unsigned int queues, bool offload)
{
	const struct definition *definition = member->definition;
	const struct network *network = &definition->network;
	struct setup_record *setup = &member->setup;

	record_init(setup, RECORD_SETUP);
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
	/* One that can be told otherwise must first show that it asks. */
	setup->follow = network->configure == CONFIGURE_DHCP;
	setup->dry_run = member->dry_run;
	setup->verbose = member->verbose;
	remember_load(definition->name, member->remembered);
	memcpy(setup->remembered, member->remembered, sizeof(setup->remembered));

	setup->dns_count = network->dns_count;
	memcpy(setup->dns, network->dns, sizeof(setup->dns));
	if (network->dns_count == 0)
		setup->dns_count = dns_find("", (struct in_addr){ INADDR_ANY }, setup->dns);
}

/* The definition's servers, or the host's now; the LAN's router as the last resort. */
static void choose_dns(struct member *member)
{
	const struct network *network = &member->definition->network;

	member->dns_count = network->dns_count;
	memcpy(member->dns, network->dns, sizeof(member->dns));
	if (network->dns_count == 0)
		member->dns_count = dns_find("", member->lan.ready.router, member->dns);
}

/* What the guest is told now: the resolver's files may have changed since it asked last. */
static struct dhcp_config dhcp_config(struct member *member)
{
	const struct ready_record *ready = &member->lan.ready;
	struct dhcp_config config = { .mac = member->definition->network.mac,
				      .address = ready->address,
				      .prefix_length = ready->prefix_length,
				      .gateway = ready->gateway,
				      .host = ready->host,
				      .mtu = ready->mtu,
				      .lease = DHCP_LEASE_SECONDS };

	choose_dns(member);
	config.dns_count = member->dns_count;
	memcpy(config.dns, member->dns, sizeof(config.dns));
	memcpy(config.hostname, member->definition->name, sizeof(config.hostname));
	config.search_count = dns_find_search("", config.search);
	return config;
}

static void start_dhcp(struct member *member)
{
	const struct dhcp_config config = dhcp_config(member);

	dhcp_server_init(&member->dhcp, &config);
}

int member_ask(struct member *member, const struct definition *definition, unsigned int queues,
	       bool offload, struct error *err)
{
	member->definition = definition;
	if (member->helper.socket < 0) {
		*err = member->helper_error;
		return -err->code;
	}
	fill_setup(member, queues, offload);
	return netsetup_ask(&member->helper, &member->setup, err);
}

int member_join(struct member *member, struct error *err)
{
	const struct netsetup_listener listener = changes_only(member);
	int rc;

	rc = netsetup_await(&member->helper, &listener, &member->lan, err);
	if (rc < 0) {
		if (err->status == STATUS_PERMISSION && geteuid() != 0 &&
		    !member->started_as_root && !err->remedy[0])
			error_remedy(err, sudo_hint, member->definition->path);
		return rc;
	}
	choose_dns(member);
	start_dhcp(member);
	return 0;
}

/* "192.168.1.1, 1.1.1.1", or "none". */
static void dns_text(const struct member *member, char *text, size_t size)
{
	char address[IPV4_TEXT_SIZE];
	size_t used = 0;

	snprintf(text, size, "none");
	for (unsigned int i = 0; i < member->dns_count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 ipv4_text(member->dns[i], address));
}

/* The one line that says the VM is on the LAN. */
static void tell_place(const struct member *member)
{
	const struct ready_record *ready = &member->lan.ready;
	char address[IPV4_TEXT_SIZE], gateway[IPV4_TEXT_SIZE] = "none";
	char dns[DNS_MAX * (IPV4_TEXT_SIZE + 2)];

	if (!ipv4_unset(ready->gateway))
		ipv4_text(ready->gateway, gateway);
	dns_text(member, dns, sizeof(dns));
	log_notice("%s: %s/%u on %s%s%s%s, gateway %s, dns %s, tap %s", member->definition->name,
		   ipv4_text(ready->address, address), ready->prefix_length, ready->uplink,
		   ready->ssid[0] ? " (SSID " : "", ready->ssid, ready->ssid[0] ? ")" : "", gateway,
		   dns, ready->tap);
}

static void remember_place(struct member *member)
{
	const struct ready_record *ready = &member->lan.ready;
	const struct prefix prefix = { ready->address, ready->prefix_length };

	remember_store(member->definition->name, &prefix, member->remembered);
	remember_load(member->definition->name, member->remembered);
	if (member->address_changed)
		member->address_changed(ready->address, member->context);
}

void member_watch(struct member *member, struct loop *loop)
{
	member->loop = loop;
	watch_spare(member);
}

void member_tell(struct member *member, struct qmp *qmp)
{
	member->qmp = qmp;
	tell_place(member);
	remember_place(member);
}

static void set_link(struct member *member, bool up)
{
	struct json_object *arguments = json_object_new_object();
	struct error err;

	json_object_object_add(arguments, "name", json_object_new_string(LINK_NAME));
	json_object_object_add(arguments, "up", json_object_new_boolean(up));
	if (qmp_send(member->qmp, "set_link", arguments, &err) < 0)
		log_verbose("%s: %s", member->definition->name, err.message);
}

static void on_link_timer(int fd, uint32_t events, void *context)
{
	struct member *member = context;

	loop_remove(member->loop, fd);
	close(fd);
	member->link_timer = -1;
	set_link(member, true);
}

/* A client that watches its link asks for its address again when it comes back. */
static void cycle_link(struct member *member)
{
	const struct itimerspec when = { .it_value = { .tv_sec = LINK_DOWN_SECONDS } };
	struct error err;

	if (!member->qmp || !qmp_is_ready(member->qmp) || member->link_timer >= 0)
		return;
	member->link_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (member->link_timer < 0)
		return;
	timerfd_settime(member->link_timer, 0, &when, NULL);
	if (loop_add(member->loop, member->link_timer, EPOLLIN, on_link_timer, member, &err) < 0) {
		close(member->link_timer);
		member->link_timer = -1;
		return;
	}
	set_link(member, false);
}

/* What the user is told of a change, old and new. */
static void tell_change(const struct member *member, const struct ready_record *old)
{
	const struct ready_record *now = &member->lan.ready;
	const char *name = member->definition->name;
	char before[IPV4_TEXT_SIZE], after[IPV4_TEXT_SIZE];

	if (ipv4_equal(old->address, now->address) && !ipv4_equal(old->gateway, now->gateway))
		log_notice("%s: the gateway is %s now, no longer %s%s", name,
			   ipv4_text(now->gateway, after), ipv4_text(old->gateway, before),
			   member->setup.follow ? "" : "; the guest has to be told by hand");
	if (now->state != LAN_UP) {
		log_notice("%s: %s: %s", name,
			   now->state == LAN_CONTESTED ? "address contested" : "off the LAN",
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

static void on_moved(const struct ready_record *place, void *context)
{
	struct member *member = context;
	const struct ready_record old = member->lan.ready;

	member->lan.ready = *place;
	tell_change(member, &old);
	if (place->state != LAN_UP)
		return;
	choose_dns(member);
	if (!ipv4_equal(old.address, place->address))
		remember_place(member);
	if (!ipv4_equal(old.address, place->address) || !ipv4_equal(old.gateway, place->gateway) ||
	    old.prefix_length != place->prefix_length)
		cycle_link(member);
}

static void tell_dhcp(const struct member *member, const struct dhcp_event *event)
{
	const char *name = member->definition->name;
	char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];

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
		log_verbose("%s: DHCP: the guest asked for %s, which is not its address here", name,
			    address);
		break;
	case DHCP_EVENT_DECLINED:
		log_notice("%s: the guest found another machine at %s", name, address);
		break;
	case DHCP_EVENT_RELEASED:
		log_verbose("%s: DHCP: the guest gave %s back", name, address);
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
	struct member *member = context;
	const struct dhcp_config config = dhcp_config(member);
	struct dhcp_record answer;
	struct dhcp_event event;
	struct error err;

	dhcp_server_configure(&member->dhcp, &config);
	if (dhcp_server_answer(&member->dhcp, query, &answer, &event) == 1) {
		/* For a helper that may have to take over: the guest can be told another address. */
		if (event.type == DHCP_EVENT_BOUND || event.type == DHCP_EVENT_EXTENDED)
			member->setup.follow = 1;
		if (netsetup_answer(&member->helper, &answer, &err) < 0)
			log_verbose("%s: %s", member->definition->name, err.message);
	}
	tell_dhcp(member, &event);
}

/* Another helper, which has been asked for a spare of its own where that is needed. */
static int next_helper(struct member *member, struct error *err)
{
	netsetup_reap(&member->helper);
	if (member->can_start)
		return netsetup_start(&member->helper, err);
	if (member->spare.socket < 0)
		return error_say(err, STATUS_FAILURE, ENOENT,
				 "vmrun-netsetup ended, and there is none to replace it");
	unwatch_spare(member);
	member->helper = member->spare;
	member->spare.socket = -1;
	wish_spare(member);
	return 0;
}

/* The helper has died: another takes the VM's place over, or, if that one dies of it, the next. */
static int replace_helper(struct member *member, struct error *err)
{
	const struct netsetup_listener listener = changes_only(member);
	int rc = -ECONNRESET;

	for (int i = 0; i < TAKEOVER_TRIES && rc == -ECONNRESET; i++) {
		rc = next_helper(member, err);
		if (rc == 0)
			rc = netsetup_adopt(&member->helper, &member->setup, &listener,
					    &member->lan, err);
	}
	watch_spare(member);
	if (rc < 0) {
		member->helper.owes = true;
		netsetup_reap(&member->helper);
		error_context(err, "VM '%s' is no longer on the LAN", member->definition->name);
		return rc;
	}
	log_notice("%s: vmrun-netsetup ended; another has taken over", member->definition->name);
	return 0;
}

int member_event(struct member *member, struct error *err)
{
	const struct netsetup_listener listener = {
		.change = show_change, .moved = on_moved, .dhcp = on_dhcp, .context = member
	};
	int rc;

	rc = netsetup_listen(&member->helper, &listener, err);
	if (rc == -ECONNRESET)
		rc = replace_helper(member, err);
	return rc;
}

void member_leave(struct member *member)
{
	const struct netsetup_listener none = { 0 };

	netsetup_end(&member->helper, &none);
	netsetup_end(&member->spare, &none);
}

/* The helper could not undo everything, most likely since it was killed: another one does. */
static void undo_by_another(struct member *member)
{
	const struct netsetup_listener listener = changes_only(member);
	const struct netsetup_listener none = { 0 };
	struct error err = { 0 };
	int rc = 0;

	if (member->spare.socket < 0 && member->can_start)
		rc = netsetup_start(&member->spare, &err);
	else if (member->spare.socket < 0)
		rc = -ECONNRESET;
	if (rc == 0)
		rc = netsetup_clean(&member->spare, false, &listener, &err);
	if (rc < 0)
		log_notice("the network is not as it was%s%s; the next start of a VM puts it back, "
			   "or: sudo vmrun clean",
			   err.message[0] ? ": " : "", err.message);
	netsetup_end(&member->spare, &none);
}

void member_end(struct member *member)
{
	const struct netsetup_listener listener = changes_only(member);
	const struct netsetup_listener none = { 0 };

	if (member->link_timer >= 0)
		close(member->link_timer);
	member->link_timer = -1;
	unwatch_spare(member);
	/* The tap's last descriptors on our side: the helper alone has it then. */
	lan_done(&member->lan);
	if (!netsetup_end(&member->helper, &listener) && !member->dry_run)
		undo_by_another(member);
	netsetup_end(&member->spare, &none);
}
