// SPDX-License-Identifier: GPL-2.0-or-later
// Takes the guest's link down and up, so that it requests its address again.
#include "launcher/lan/guest_link.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "launcher/common/log.h"

/* Time that the guest's link is down when its address changes: a client that polls notices it. */
#define LINK_DOWN_SECONDS 1

/* The id of QEMU's -netdev for the guest's link, as in qemu_network.c. */
#define LINK_FORMAT "lan%u"

static void set_link(struct guest_link *link, bool up)
{
	struct json_object *arguments = json_object_new_object();
	char id[16];
	struct error err;

	snprintf(id, sizeof(id), LINK_FORMAT, link->card);
	json_object_object_add(arguments, "name", json_object_new_string(id));
	json_object_object_add(arguments, "up", json_object_new_boolean(up));
	if (qmp_send(link->qmp, "set_link", arguments, &err) < 0)
		log_verbose("%s: %s", link->name, err.message);
}

static void stop_timer(struct guest_link *link)
{
	if (link->timer < 0)
		return;
	loop_remove(link->loop, link->timer);
	close(link->timer);
	link->timer = -1;
}

static void on_timer(int fd, uint32_t events, void *context)
{
	struct guest_link *link = context;

	stop_timer(link);
	set_link(link, true);
}

void guest_link_cycle(struct guest_link *link)
{
	const struct itimerspec when = { .it_value = { .tv_sec = LINK_DOWN_SECONDS } };
	struct error err;

	if (!link->qmp || !qmp_is_ready(link->qmp) || link->timer >= 0)
		return;
	link->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (link->timer < 0)
		return;
	timerfd_settime(link->timer, 0, &when, NULL);
	if (loop_add(link->loop, link->timer, EPOLLIN, on_timer, link, &err) < 0)
		stop_timer(link);
	else
		set_link(link, false);
}

void guest_link_done(struct guest_link *link)
{
	stop_timer(link);
}
