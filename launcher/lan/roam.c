// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps a VM on the LAN while the host's network changes.
#include "launcher/lan/roam.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "launcher/lan/route_check.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* Debounce: events come in bursts; the host is looked at this long after the first. */
#define EVENT_DEBOUNCE_MS 5

/* Time between two looks because of events. */
#define LOOK_INTERVAL_MS 100

/* For changes without an event, such as a deleted proxy entry. */
#define SLOW_LOOK_MS 60000

/* Retry after a failure that may be temporary. */
#define RETRY_MS 1000

/* Debounce: a VM that changes its address is off the LAN for a moment, which is not reported. */
#define AWAY_DEBOUNCE_MS 500

/* A service that was killed may have lost a move. No move takes longer. */
#define ANSWER_MS 120000

/* Limit to wait for the first answer of a service that was started again. */
#define REATTACH_MS 10000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void roam_init(struct roam *roam, struct netsetup *netsetup)
{
	*roam = (struct roam){ .netsetup = netsetup, .timer = -1 };
}

/*
 * Returns the uplink's name to look for, or NULL. An interface that was renamed since, as udev may
 * do with a new adapter, still is the one that the definition names.
 */
static const char *uplink_name(const struct follow *follow, char renamed[IFNAMSIZ])
{
	const char *name = follow->network->uplink;

	if (!name[0])
		return NULL;
	if (follow->uplink.ifindex && if_nametoindex(name) == 0 && errno == ENODEV &&
	    if_indextoname(follow->uplink.ifindex, renamed) && ifname_valid(renamed))
		return renamed;
	return name;
}

static int find(const struct roam *roam, struct uplink *found, struct error *err)
{
	char renamed[IFNAMSIZ];

	const struct uplink_search search = { uplink_name(&roam->follow, renamed),
					      roam->follow.uplink.ifindex,
					      roam->follow.network->address };

	return uplink_find(&search, found, err);
}

static void fill_request(const struct roam *roam, struct attach_record *request)
{
	*request = roam->request;
	address_history_fill(&roam->history, roam->follow.uplink.ssid, request);
	follow_request(&roam->follow, roam->dns, roam->dns_count, request);
}

int roam_choose(struct roam *roam, const struct network *network, struct error *err)
{
	struct uplink found;
	int ret = 0;

	follow_init(&roam->follow, network);
	/* Open the events before the first look, so that no later change is missed. */
	if (!roam->request.dry_run)
		ret = network_events_open(&roam->events, err);
	if (ret == 0)
		ret = find(roam, &found, err);
	if (ret == 0)
		ret = follow_check(network, &found, roam->dns, roam->dns_count, err);
	if (ret < 0)
		return ret;
	follow_find(&roam->follow, &found, "");
	fill_request(roam, &roam->request);
	return 0;
}

/*
 * A routed VM that is on the LAN may still lose its packets to another program's rules. Those of a
 * bridged one meet none.
 */
static void check_routes(struct roam *roam)
{
	struct lan_place *place = &roam->follow.place;

	if (place->state == LAN_UP && place->path == PATH_ROUTED && !place->reason[0] &&
	    !roam->request.dry_run)
		route_check(place, roam->follow.uplink.ifindex, roam->tap_ifindex, place->reason);
}

void roam_join(struct roam *roam, const struct ready_record *ready)
{
	follow_ready(&roam->follow, ready);
	roam->follow.place.queues = ready->queues;
	roam->tap_ifindex = ready->tap_ifindex;
	check_routes(roam);
	roam->place = roam->follow.place;
}

static bool place_equal(const struct lan_place *a, const struct lan_place *b)
{
	return !strcmp(a->uplink, b->uplink) && !strcmp(a->ssid, b->ssid) &&
	       ipv4_equal(a->address, b->address) && a->prefix_length == b->prefix_length &&
	       ipv4_equal(a->router, b->router) &&
	       !memcmp(&a->router_mac, &b->router_mac, sizeof(a->router_mac)) &&
	       ipv4_equal(a->gateway, b->gateway) && ipv4_equal(a->host, b->host) &&
	       a->mtu == b->mtu && a->access == b->access && a->state == b->state &&
	       !strcmp(a->reason, b->reason);
}

/* Returns true if nobody need know yet: the VM may be on the LAN again in a moment. */
static bool is_debounced(struct roam *roam)
{
	const uint64_t now = now_ms();

	if (roam->follow.place.state != LAN_AWAY || roam->place.state != LAN_UP) {
		roam->report_at = 0;
		return false;
	}
	if (!roam->report_at)
		roam->report_at = now + AWAY_DEBOUNCE_MS;
	return now < roam->report_at;
}

/* Reports what has changed since the last report. */
static void report(struct roam *roam)
{
	const struct lan_place old = roam->place;

	if (is_debounced(roam) || place_equal(&roam->follow.place, &old))
		return;
	roam->report_at = 0;
	roam->place = roam->follow.place;
	if (roam->changed)
		roam->changed(&old, roam->context);
}

/* Sends requests; a lost connection shows on the socket. */
static void act(struct roam *roam, unsigned int actions)
{
	struct attach_record move;
	struct error ignored;

	if (actions & FOLLOW_WITHDRAW)
		netsetup_withdraw(roam->netsetup, &ignored);
	if (actions & FOLLOW_MOVE) {
		fill_request(roam, &move);
		netsetup_move(roam->netsetup, &move, &ignored);
		roam->answer_by = now_ms() + ANSWER_MS;
		return;
	}
	report(roam);
}

static bool uplink_equal(const struct uplink *a, const struct uplink *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->ifname, b->ifname) &&
	       !memcmp(&a->mac, &b->mac, sizeof(a->mac)) &&
	       ipv4_equal(a->prefix.address, b->prefix.address) &&
	       a->prefix.length == b->prefix.length && ipv4_equal(a->router, b->router) &&
	       a->mtu == b->mtu && !strcmp(a->ssid, b->ssid);
}

static void look(struct roam *roam, uint64_t now)
{
	const bool full = roam->full || now >= roam->slow_at;
	struct uplink found;
	struct error err;
	int ret;

	ret = find(roam, &found, &err);
	roam->full = false;
	roam->look_at = 0;
	roam->looked_at = now;
	if (full)
		roam->slow_at = now + SLOW_LOOK_MS;
	if (ret == -ENODEV || ret == -ENOTUNIQ) {
		act(roam, follow_find(&roam->follow, NULL, err.message));
	} else if (ret < 0) {
		roam->full = true;
		roam->look_at = now + RETRY_MS;
	} else if (full || !roam->follow.found || !uplink_equal(&found, &roam->follow.uplink)) {
		act(roam, follow_find(&roam->follow, &found, ""));
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

static void arm(struct roam *roam)
{
	const struct follow *follow = &roam->follow;
	uint64_t at = roam->answer_by;
	struct itimerspec when = { 0 };

	if (!at)
		at = earlier(earlier(roam->look_at, roam->report_at), roam->slow_at);
	if (!roam->answer_by && follow->conflict)
		at = earlier(at, follow->conflict_at + FOLLOW_CONFLICT_MS);
	when.it_value.tv_sec = (time_t)(at / 1000);
	when.it_value.tv_nsec = (long)(at % 1000) * 1000000;
	timerfd_settime(roam->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Does all that is due, unless a move is on its way. */
static void run(struct roam *roam)
{
	const uint64_t now = now_ms();

	if (!roam->loop)
		return;
	if (roam->answer_by && now >= roam->answer_by) {
		roam->answer_by = 0;
		roam->full = true;
		roam->look_at = now;
	}
	if (!roam->answer_by && follow_conflict_over(&roam->follow, now)) {
		roam->full = true;
		roam->look_at = now;
	}
	if (!roam->answer_by && ((roam->look_at && now >= roam->look_at) || now >= roam->slow_at))
		look(roam, now);
	if (!roam->answer_by && roam->report_at && now >= roam->report_at)
		report(roam);
	arm(roam);
}

static void look_by(struct roam *roam, uint64_t at)
{
	roam->look_at = earlier(at, roam->look_at);
}

static void on_timer(int fd, uint32_t events, void *context)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		run(context);
}

static void on_events(int fd, uint32_t events, void *context)
{
	struct roam *roam = context;
	const struct network_own own = { { roam->follow.uplink.ifindex, roam->tap_ifindex } };
	const enum network_event event = network_events_drain(roam->events, &own);
	const uint64_t soon = now_ms() + EVENT_DEBOUNCE_MS;
	const uint64_t next = roam->looked_at + LOOK_INTERVAL_MS;

	if (event == NETWORK_EVENT_NONE)
		return;
	roam->full |= event == NETWORK_EVENT_OWN;
	look_by(roam, soon > next ? soon : next);
	run(roam);
}

int roam_watch(struct roam *roam, struct loop *loop, struct error *err)
{
	int ret;

	roam->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (roam->timer < 0)
		return error_set_errno(err, errno, "cannot make a timer");
	ret = loop_add(loop, roam->timer, EPOLLIN, on_timer, roam, err);
	if (ret == 0)
		ret = loop_add(loop, nl_socket_get_fd(roam->events), EPOLLIN, on_events, roam, err);
	if (ret < 0)
		return ret;
	roam->loop = loop;
	roam->slow_at = now_ms() + SLOW_LOOK_MS;
	arm(roam);
	return 0;
}

void roam_look(struct roam *roam)
{
	roam->full = true;
	look_by(roam, now_ms());
	run(roam);
}

void roam_allow(struct roam *roam)
{
	if (roam->follow.roam)
		return;
	roam->follow.roam = true;
	if (roam->follow.place.state != LAN_UP)
		roam_look(roam);
}

void roam_ready(struct roam *roam, const struct ready_record *ready)
{
	roam->answer_by = 0;
	roam->refused = false;
	follow_ready(&roam->follow, ready);
	check_routes(roam);
	report(roam);
	run(roam);
}

void roam_access(struct roam *roam, enum access_result access)
{
	roam->follow.place.access = roam->place.access = access;
}

void roam_failed(struct roam *roam, const struct error *error)
{
	bool retry;

	/* Without a move the service reports why it ends the connection. */
	if (!roam->answer_by)
		return;
	roam->answer_by = 0;
	act(roam, follow_failed(&roam->follow, error, &retry));
	if (retry) {
		roam->full = true;
		look_by(roam, now_ms() + RETRY_MS);
	}
	run(roam);
}

void roam_renewed(struct roam *roam)
{
	if (!roam->answer_by)
		return;
	roam->answer_by = 0;
	roam_look(roam);
}

void roam_conflict(struct roam *roam, const struct conflict_record *conflict)
{
	/* The host insists again, if the VM still has the address after the move. */
	if (roam->answer_by)
		return;
	act(roam, follow_conflict(&roam->follow, conflict, now_ms()));
	run(roam);
}

static int wait_reattached(int socket, struct error *err)
{
	struct pollfd poller = { .fd = socket, .events = POLLIN };
	const int ret = poll(&poller, 1, REATTACH_MS);

	return ret != 0 ? 0 : error_set_errno(err, ETIMEDOUT, "'vmrun-netsetup' does not answer");
}

/* Without a network the VM is attached at its last place; a look follows in any case. */
static void fill_reattach(struct roam *roam, struct attach_record *request)
{
	struct uplink found;
	struct error ignored;

	if (find(roam, &found, &ignored) == 0)
		follow_find(&roam->follow, &found, "");
	fill_request(roam, request);
	if (ipv4_prefix_host(&roam->follow.uplink.prefix, roam->follow.place.address))
		request->address = roam->follow.place.address;
	request->tap_ifindex = roam->tap_ifindex;
}

int roam_reattach(struct roam *roam, const struct netsetup_listener *listener, struct error *err)
{
	struct netsetup_listener waiting = *listener;
	struct attach_record request;
	struct netsetup_lan lan = NETSETUP_LAN_NONE;
	int ret;

	waiting.wait = wait_reattached;
	fill_reattach(roam, &request);
	ret = netsetup_reconnect(roam->netsetup, &request, &waiting, &lan, err);
	/* A service that refuses twice, and closes the socket in between, does not keep the VM. */
	if (ret < 0 && (roam->netsetup->socket < 0 || roam->refused))
		return ret;
	if (ret == 0)
		listener->renewed(lan.dhcp, listener->context);
	roam->answer_by = 0;
	roam->refused = ret < 0;
	roam->follow.withdrawn = false;
	roam_look(roam);
	return 0;
}

void roam_end(struct roam *roam)
{
	if (roam->loop) {
		loop_remove(roam->loop, roam->timer);
		loop_remove(roam->loop, nl_socket_get_fd(roam->events));
	}
	roam->loop = NULL;
	if (roam->timer >= 0)
		close(roam->timer);
	roam->timer = -1;
	nl_socket_free(roam->events);
	roam->events = NULL;
}
