// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the launcher's session with vmrun-netsetup for one card of a VM.
#ifndef LAUNCHER_LAN_LAN_H
#define LAUNCHER_LAN_LAN_H

#include "launcher/common/loop.h"
#include "launcher/definition/definition.h"
#include "launcher/lan/dhcp_server.h"
#include "launcher/lan/firewalld.h"
#include "launcher/lan/guest_link.h"
#include "launcher/lan/lan_connection.h"
#include "launcher/lan/roam.h"
#include "netsetup/protocol/netsetup.h"

/*
 * Theory of operation: a service holds the card's attachment to the LAN for as long as the
 * session's connection lasts. Each card on the LAN has a session of its own. The connection
 * outlives a restart of the service, because the service's keeper has a copy of it. If it is lost
 * nevertheless, the session connects again while the guest keeps running: QEMU's descriptors keep
 * the tap. A vmrun that has dropped sudo's rights may not start another service: without an
 * installed one, the VM's time on the LAN ends.
 */

/**
 * struct lan_session - a session.
 * @card: number of the card; @network: its network.
 * @label: the VM's name for messages; with several cards on the LAN, the network's index as well.
 * @dry_run, @verbose: the user's options.
 * @netsetup: the connection; its socket is -1 if it was not opened or has ended.
 * @as_root: root has opened it.
 * @open_error: the reason why it was not opened; code 0 if it was.
 * @lan: the tap's descriptors and the DHCP socket.
 * @roam: the VM's place on the LAN, and its next ones.
 * @verdict: which of the guest's packets the host forwards.
 * @firewalld: the tap's place in a zone of firewalld.
 * @told: the VM's last place on the LAN, as the guest was told.
 * @stranger: the foreign address from which the guest has sent; 0.0.0.0: none.
 * @dns, @dns_count: DNS servers for the guest.
 * @address_changed: called with the VM's new address; may be NULL.
 * @state_changed: called when the state of the VM's place has changed; may be NULL.
 * @context: passed to both.
 * @link: the guest's.
 * @loop: the run's event loop, set by lan_watch(); outlives the session.
 */
struct lan_session {
	const struct definition *definition;
	unsigned int card;
	const struct network *network;
	char label[VM_NAME_SIZE + sizeof(": network.") + 10];
	bool dry_run;
	bool verbose;
	struct netsetup netsetup;
	bool as_root;
	struct error open_error;
	struct netsetup_lan lan;
	struct roam roam;
	struct verdict verdict;
	struct firewalld firewalld;
	struct lan_place told;
	struct in_addr stranger;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	struct dhcp_server dhcp;
	void (*address_changed)(struct in_addr address, void *context);
	void (*state_changed)(void *context);
	void *context;
	struct guest_link link;
	struct loop *loop;
};

/* lan_init() - initialise a session without a connection. It must not be copied. */
void lan_init(struct lan_session *lan_session, unsigned int card, bool dry_run, bool verbose);

/**
 * lan_start() - take over the connection, after root's rights were dropped. lan_ask() returns the
 * error of one that was not opened.
 * @connection: LAN_CONNECTION_NONE afterwards.
 */
void lan_start(struct lan_session *lan_session, struct lan_connection *connection);

/**
 * lan_start_further() - connect for a further card.
 * @first: the started session of card 0, before its lan_ask(). If it has no connection, this one
 *         has none either.
 */
void lan_start_further(struct lan_session *lan_session, struct lan_session *first);

/**
 * lan_ask() - choose the uplink and request the card's attachment to the LAN; lan_join() must
 * follow.
 * @lan_session: a started one.
 * @definition: the VM, which has this card; stays the caller's.
 * @queues: the tap's pairs of queues.
 * @offload: true if the tap must have vnet headers.
 * @err: without permission, the remedy names the command to run.
 *
 * Return: 0 or a negative errno.
 */
int lan_ask(struct lan_session *lan_session, const struct definition *definition,
	    unsigned int queues, bool offload, struct error *err);

/**
 * lan_join() - wait for the requested attachment.
 * @err: without permission, the remedy names the command to run.
 *
 * Return: 0 or a negative errno.
 */
int lan_join(struct lan_session *lan_session, struct error *err);

/* lan_leave() - end the connection of a VM that needs none. */
void lan_leave(struct lan_session *lan_session);

/**
 * lan_watch() - let the session use the loop, to serve DHCP and to follow the host's network.
 * @lan_session: a joined one.
 * @loop: must live until lan_end().
 *
 * The caller watches the service itself: its socket is @lan_session->netsetup.socket.
 *
 * Return: 0 or a negative errno.
 */
int lan_watch(struct lan_session *lan_session, struct loop *loop, struct error *err);

/**
 * lan_report() - print the VM's place on the LAN.
 * @lan_session: a watching one.
 * @qmp: ready; takes the guest's link down and up. Must live as long as the loop runs.
 */
void lan_report(struct lan_session *lan_session, struct qmp *qmp);

/**
 * lan_event() - read from the service; connect again if the connection is lost.
 * @lan_session: a watching one. Its socket may have changed afterwards.
 *
 * Return: 0, or a negative errno if the attachment is lost.
 */
int lan_event(struct lan_session *lan_session, struct error *err);

/* lan_end() - release the attachment and wait until the service has restored the host. */
void lan_end(struct lan_session *lan_session);

#endif
