// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches one VM to the LAN: address, tap, route, proxy entry, sysctls.
#ifndef NETSETUP_SESSION_ATTACHMENT_H
#define NETSETUP_SESSION_ATTACHMENT_H

#include "netsetup/host/host.h"
#include "netsetup/kernel/uplink.h"
#include "netsetup/lease/lease.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/session/network.h"

/**
 * struct attachment - one VM's attachment to the LAN.
 * @setup: the request, protocol_setup_check()ed.
 * @uplink: the uplink when it was last found.
 * @lease: held since before the first change; its record has the address and the tap's name.
 * @tap_ifindex: 0 if there is no tap.
 * @tap_fds: one for each queue, the others -1; closed by attachment_undo().
 * @queues: number of queues.
 * @filtered: the address that the tap's filter passes; 0.0.0.0 if there is no filter.
 * @published: the proxy entry was added on @uplink and not removed by us.
 * @network: the network in which the address was proven free.
 * @unproven: the present network is, or may be, another one.
 * @announced: index and hardware address of the uplink in the last announcement.
 * @announce_again: an announcement must be repeated (RFC 5227 section 2.3); cleared by the caller.
 * @conflict: the VM keeps its address although @conflicting_host insists on it. The caller clears
 *            it when that host has been silent for long enough.
 * @conflicting_host: its hardware address.
 * @state: enum lan_state.
 * @reason: text for people if the VM is not on the LAN.
 */
struct attachment {
	struct setup_record setup;
	struct host host;
	struct uplink uplink;
	struct lease lease;
	unsigned int tap_ifindex;
	int tap_fds[QUEUES_MAX];
	unsigned int queues;
	struct in_addr filtered;
	bool published;
	struct network network;
	bool unproven;
	struct {
		unsigned int ifindex;
		struct ether_addr mac;
	} announced;
	bool announce_again;
	bool conflict;
	struct ether_addr conflicting_host;
	enum lan_state state;
	char reason[REASON_SIZE];
};

/**
 * attachment_init() - initialise an attachment without any change to the host.
 * @host: copied; its netlink socket stays the caller's.
 */
void attachment_init(struct attachment *attachment, const struct setup_record *setup,
		     const struct host *host);

struct in_addr attachment_address(const struct attachment *attachment);

/* attachment_tap(), attachment_uplink() - return the interfaces as host.h names them. */
struct interface_id attachment_tap(const struct attachment *attachment);
struct interface_id attachment_uplink(const struct attachment *attachment);

/**
 * attachment_find_uplink() - find the present uplink, and check the client's authorization for it.
 *
 * Return: 0, -EACCES if it is not permitted, or as uplink_find().
 */
int attachment_find_uplink(const struct attachment *attachment, struct uplink *uplink,
			   struct error *err);

/**
 * attachment_make() - find the uplink, allocate the address, make the tap and publish.
 * @attachment: initialised; after an error attachment_undo() undoes what was done.
 *
 * Return: 0 or a negative errno.
 */
int attachment_make(struct attachment *attachment, struct error *err);

/**
 * attachment_adopt() - adopt the attachment of a running VM whose helper died.
 * @attachment: initialised; setup.remembered[0] is the address that the VM has.
 * @fds, @count: the tap's descriptors; closed in any case.
 * @err: they are not this VM's tap, or another VM has the address.
 *
 * Return: 0 or a negative errno.
 */
int attachment_adopt(struct attachment *attachment, const int *fds, unsigned int count,
		     struct error *err);

/**
 * attachment_publish() - make the VM reachable at its address through its uplink. Makes what is
 * missing, and leaves the rest alone. Announces the address if the LAN does not know this uplink.
 * @attachment: has a tap, and an address in the uplink's subnet.
 *
 * Security: every way to a new address or uplink ends here, so the authorization is checked here
 * once more.
 *
 * Return: 0, -EACCES if it is not permitted, or another negative errno; may be called again.
 */
int attachment_publish(struct attachment *attachment, struct error *err);

/*
 * attachment_withdraw() - remove the proxy entry; the VM is then not reachable through its uplink.
 */
int attachment_withdraw(struct attachment *attachment, struct error *err);

/**
 * attachment_use_uplink() - switch to an uplink: open its packet socket, and make it promiscuous if
 * the request demands that. Publishes nothing.
 * @attachment: withdrawn from the uplink before.
 *
 * Return: 0 or a negative errno.
 */
int attachment_use_uplink(struct attachment *attachment, const struct uplink *uplink,
			  struct error *err);

/**
 * attachment_undo() - undo every change to the host; may be called after any failure, and twice.
 * @err: the first error; everything else is undone all the same.
 *
 * Return: 0 or a negative errno.
 */
int attachment_undo(struct attachment *attachment, struct error *err);

#endif
