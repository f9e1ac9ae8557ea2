// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the sessions of all cards of a VM on the LAN.
#ifndef LAUNCHER_RUN_LAN_CARDS_H
#define LAUNCHER_RUN_LAN_CARDS_H

#include "launcher/definition/machine_plan.h"
#include "launcher/lan/lan.h"
#include "launcher/run/qemu_fds.h"

/**
 * struct lan_cards - the sessions.
 * @sessions: by the numbers of definition_card_number(). All are initialised; session 0 has a
 *            connection even for a VM without a card on the LAN.
 * @count: cards of the VM on the LAN; 0 before lan_cards_ask().
 * @sockets: for each card the connection to vmrun-netsetup.
 */
struct lan_cards {
	struct lan_session sessions[CARDS_MAX];
	unsigned int count;
	int sockets[CARDS_MAX];
};

/* lan_cards_init() - initialise all sessions, and take over the connection. Must not be copied. */
void lan_cards_init(struct lan_cards *cards, bool dry_run, bool verbose,
		    struct lan_connection *connection);

/**
 * lan_cards_ask() - connect for all cards, and request their attachment to the LAN.
 *
 * Return: 0 or a negative errno.
 */
int lan_cards_ask(struct lan_cards *cards, const struct machine_plan *plan, struct error *err);

/**
 * lan_cards_join() - wait for the attachments, and put them into the plan. QEMU gets copies of the
 * taps' descriptors.
 *
 * Return: 0 or a negative errno.
 */
int lan_cards_join(struct lan_cards *cards, struct machine_plan *plan, struct qemu_fds *qemu_fds,
		   struct error *err);

/**
 * lan_cards_watch() - let all sessions use the loop. The caller watches @cards->sockets.
 *
 * Return: 0 or a negative errno.
 */
int lan_cards_watch(struct lan_cards *cards, struct loop *loop, struct error *err);

/* lan_cards_report() - print the places of all cards, and store their addresses. */
void lan_cards_report(struct lan_cards *cards, struct qmp *qmp);

/**
 * lan_cards_event() - read from the service for one card; its socket may change.
 *
 * Return: 0, or a negative errno if the attachment is lost.
 */
int lan_cards_event(struct lan_cards *cards, unsigned int card, struct error *err);

/* lan_cards_end() - release all attachments, and wait until the service has restored the host. */
void lan_cards_end(struct lan_cards *cards);

#endif
