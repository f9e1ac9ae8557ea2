// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the sessions of all cards of a VM on the LAN.
#include "launcher/run/lan_cards.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "launcher/definition/machine.h"

void lan_cards_init(struct lan_cards *cards, bool dry_run, bool verbose,
		    struct lan_connection *connection)
{
	cards->count = 0;
	for (unsigned int card = 0; card < CARDS_MAX; card++)
		lan_init(&cards->sessions[card], card, dry_run, verbose);
	lan_start(&cards->sessions[0], connection);
}

static int ask(struct lan_session *session, const struct machine_plan *plan, struct error *err)
{
	const struct network *network = definition_lan(plan->definition, session->card, NULL);

	return lan_ask(session, plan->definition, plan->cards[session->card].queues,
		       machine_offloads(network->model), err);
}

/* All connections come first: session 0 must not have made a request yet. */
static int connect_further(struct lan_cards *cards, const struct machine_plan *plan,
			   struct error *err)
{
	for (unsigned int card = 1; card < cards->count; card++) {
		struct lan_session *session = &cards->sessions[card];

		lan_start_further(session, &cards->sessions[0]);
		/* This request fails, with the reason. */
		if (session->netsetup.socket < 0)
			return ask(session, plan, err);
	}
	return 0;
}

int lan_cards_ask(struct lan_cards *cards, const struct machine_plan *plan, struct error *err)
{
	int ret;

	while (cards->count < CARDS_MAX && definition_lan(plan->definition, cards->count, NULL))
		cards->count++;
	if (cards->count == 0)
		lan_leave(&cards->sessions[0]);
	ret = connect_further(cards, plan, err);
	for (unsigned int card = 0; card < cards->count && ret == 0; card++)
		ret = ask(&cards->sessions[card], plan, err);
	return ret;
}

/* The originals keep the tap if QEMU ends first. */
static int pass_tap(const struct lan_session *session, struct qemu_fds *qemu_fds, struct error *err)
{
	const struct lan_place *place = &session->roam.place;

	for (unsigned int i = 0; i < place->queues; i++) {
		const int fd = fcntl(session->lan.tap_fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return error_set_errno(err, errno, "cannot pass tap '%s' to QEMU",
					       place->tap);
		qemu_fds_add(qemu_fds, fd, qemu_fd_tap(session->card) + (int)i);
	}
	return 0;
}

static int join(struct lan_session *session, struct machine_card *card, struct qemu_fds *qemu_fds,
		struct error *err)
{
	const int ret = lan_join(session, err);

	if (ret < 0)
		return ret;
	card->lan = &session->roam.place;
	card->dns_count = session->dns_count;
	memcpy(card->dns, session->dns, sizeof(card->dns));
	return pass_tap(session, qemu_fds, err);
}

int lan_cards_join(struct lan_cards *cards, struct machine_plan *plan, struct qemu_fds *qemu_fds,
		   struct error *err)
{
	int ret = 0;

	for (unsigned int card = 0; card < cards->count && ret == 0; card++)
		ret = join(&cards->sessions[card], &plan->cards[card], qemu_fds, err);
	return ret;
}

int lan_cards_watch(struct lan_cards *cards, struct loop *loop, struct error *err)
{
	int ret = 0;

	for (unsigned int card = 0; card < cards->count && ret == 0; card++) {
		cards->sockets[card] = cards->sessions[card].netsetup.socket;
		ret = lan_watch(&cards->sessions[card], loop, err);
	}
	return ret;
}

void lan_cards_report(struct lan_cards *cards, struct qmp *qmp)
{
	for (unsigned int card = 0; card < cards->count; card++)
		lan_report(&cards->sessions[card], qmp);
}

int lan_cards_event(struct lan_cards *cards, unsigned int card, struct error *err)
{
	const int ret = lan_event(&cards->sessions[card], err);

	cards->sockets[card] = cards->sessions[card].netsetup.socket;
	return ret;
}

void lan_cards_end(struct lan_cards *cards)
{
	/*
	 * The session of card 0 is the last: it waits for the end of a vmrun-netsetup that it
	 * started.
	 */
	for (unsigned int card = CARDS_MAX; card-- > 0;)
		lan_end(&cards->sessions[card]);
}
