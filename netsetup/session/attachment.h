// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's place on the LAN: everything on the host that makes it, made so whenever it is not.
#ifndef NETSETUP_SESSION_ATTACHMENT_H
#define NETSETUP_SESSION_ATTACHMENT_H

#include "netsetup/host/host.h"
#include "netsetup/kernel/uplink.h"
#include "netsetup/lease/lease.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/session/network.h"

/**
 * struct attachment - one VM's place on the LAN.
 * @setup: what was asked for, protocol_setup_check()ed.
 * @host: the host.
 * @uplink: the uplink, as it was when it was last found.
 * @lease: held since before the first change; its record has the address and the tap's name.
 * @tap_ifindex: 0 when there is no tap.
 * @tap_fds: one for each queue, the others -1; closed by attachment_undo().
 * @queues: how many.
 * @guarded: the address that the tap lets through; 0.0.0.0 when it was not set.
 * @published: the proxy entry was added on @uplink and not removed by us.
 * @network: the one in which the address was proven free.
 * @unproven: the present network is another, or may be.
 * @announced: what the LAN was told last: the uplink's index and hardware address.
 * @announce_again: the LAN was told, and that is to be repeated (RFC 5227 section 2.3); the caller
 *                  clears it.
 * @conflict: another host, @conflicting_host, insists on the address, and the VM keeps it all the same; the
 *             caller clears it when the other has been silent for long enough.
 * @conflicting_host: its hardware address.
 * @state: whether the VM is on the LAN.
 * @reason: why not, for people.
 */
struct attachment {
	struct setup_record setup;
	struct host host;
	struct uplink uplink;
	struct lease lease;
	unsigned int tap_ifindex;
	int tap_fds[QUEUES_MAX];
	unsigned int queues;
	struct in_addr guarded;
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
 * attachment_init() - a place where nothing has been done yet.
 * @attachment: the place.
 * @setup: the request.
 * @host: the host; its socket stays the caller's.
 */
void attachment_init(struct attachment *attachment, const struct setup_record *setup,
		     const struct host *host);

/* attachment_address() - the VM's address. */
struct in_addr attachment_address(const struct attachment *attachment);

/* attachment_tap(), attachment_uplink() - the interfaces, as host.h names them. */
struct interface_id attachment_tap(const struct attachment *attachment);
struct interface_id attachment_uplink(const struct attachment *attachment);

/**
 * attachment_find_uplink() - find the uplink as it is now, one that the asker is permitted to use.
 * @attachment: a place.
 * @uplink: the uplink.
 * @err: the error.
 *
 * Return: 0, -EACCES when it is not permitted, or as uplink_find().
 */
int attachment_find_uplink(const struct attachment *attachment, struct uplink *uplink,
			   struct error *err);

/**
 * attachment_make() - find the uplink, allocate the address, make the tap and publish.
 * @attachment: an initialised place.
 * @err: the error; what was done until then is undone by attachment_undo().
 *
 * Return: 0 or a negative errno.
 */
int attachment_make(struct attachment *attachment, struct error *err);

/**
 * attachment_adopt() - take over the place of a running VM whose helper died.
 * @attachment: an initialised place; setup.remembered[0] is the address that the VM has.
 * @fds, @count: the tap's descriptors; closed, whatever comes.
 * @err: the error: they are not the tap of this VM, another VM has the address.
 *
 * Return: 0 or a negative errno.
 */
int attachment_adopt(struct attachment *attachment, const int *fds, unsigned int count,
		     struct error *err);

/**
 * attachment_publish() - make the host so that the VM is reachable at its address through its uplink;
 * what is so already is left alone. Announces when the LAN has not been told so.
 * @attachment: a place with a tap and an address in the uplink's subnet.
 * @err: the error.
 *
 * Whatever led here, that the asker is permitted to have the address there is checked once more.
 *
 * Return: 0, -EACCES when it is not permitted, or another negative errno, after which it may be
 * called again.
 */
int attachment_publish(struct attachment *attachment, struct error *err);

/* attachment_withdraw() - remove the proxy entry: the VM is no longer reachable through its uplink. */
int attachment_withdraw(struct attachment *attachment, struct error *err);

/**
 * attachment_use_uplink() - from now on this is the uplink: open its packet socket, make it promiscuous
 * when that is asked for. Nothing is published.
 * @attachment: a place, withdrawn from the uplink before.
 * @uplink: the new one.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int attachment_use_uplink(struct attachment *attachment, const struct uplink *uplink,
			  struct error *err);

/**
 * attachment_undo() - make the host as it was; legal after any failure, and twice.
 * @attachment: the place.
 * @err: the first error; everything else is undone all the same.
 *
 * Return: 0 or a negative errno.
 */
int attachment_undo(struct attachment *attachment, struct error *err);

#endif
