// SPDX-License-Identifier: GPL-2.0-or-later
// Sends netlink requests through libnl, with timeouts and errno values.
#ifndef NETSETUP_KERNEL_NETLINK_H
#define NETSETUP_KERNEL_NETLINK_H

#include <linux/netlink.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "netsetup/base/error.h"

#define NL_CLEANUP(type, release)                                      \
	static inline void cleanup_##type##_done(struct type **object) \
	{                                                              \
		if (*object)                                           \
			release(*object);                              \
	}

NL_CLEANUP(nl_sock, nl_socket_free)
NL_CLEANUP(nl_msg, nlmsg_free)
NL_CLEANUP(nl_cb, nl_cb_put)

/* Each such variable must be a pointer and start as NULL: `cleanup_nl_sock *sock = NULL;`. */
#define cleanup_nl_sock __attribute__((cleanup(cleanup_nl_sock_done))) struct nl_sock
#define cleanup_nl_msg  __attribute__((cleanup(cleanup_nl_msg_done))) struct nl_msg
#define cleanup_nl_cb   __attribute__((cleanup(cleanup_nl_cb_done))) struct nl_cb

/**
 * netlink_errno() - return the errno value nearest to a libnl code.
 * @nle: an NLE_* code, negative as libnl's functions return it, or positive.
 *
 * Return: a positive errno value; 0 for 0; EIO for NLE_FAILURE and unknown codes.
 */
int netlink_errno(int nle);

/**
 * netlink_error() - fill an error, as error_set_errno() does, with the code of a libnl function.
 * @nle: negative return value of the function.
 * @format: printf format of the message, without the reason.
 *
 * Return: a negative errno, so that a caller can `return netlink_error(...)`.
 */
int netlink_error(struct error *err, int nle, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * netlink_open() - open a netlink socket to the kernel, in the caller's network namespace.
 * @protocol: NETLINK_ROUTE, NETLINK_GENERIC, ...
 * @sock: owned by the caller; close-on-exec, with libnl's automatic acknowledgements and sequence
 *        check. Sending and receiving fail with EAGAIN after 5 s. The kernel checks the headers of
 *        dumps strictly, and heeds what they select.
 *
 * Return: 0 or a negative errno.
 */
int netlink_open(int protocol, struct nl_sock **sock, struct error *err);

/**
 * netlink_message() - make a request that begins with its family's header.
 * @type: RTM_*.
 * @flags: NLM_F_*, without NLM_F_REQUEST and NLM_F_ACK, which netlink_request() adds.
 * @header: struct ifinfomsg, rtmsg, ndmsg, ...; @size bytes.
 *
 * Return: the message, owned by the caller; NULL if memory ran out.
 */
struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size);

/**
 * netlink_parse_fn - parses each message of an answer.
 * @header: the message, whose length fits the received bytes; all else is unchecked.
 * @context: from netlink_request().
 *
 * Return: 0, or a negative errno that netlink_request() returns after it has received the rest.
 */
typedef int netlink_parse_fn(struct nlmsghdr *header, void *context);

/**
 * netlink_request() - send a request and receive its complete answer: a dump, an object, or only
 * the acknowledgement.
 * @sock: from netlink_open().
 * @msg: owned by the caller, who may send it again.
 * @parse: called for each message of the answer; may be NULL.
 *
 * Return: 0; the kernel's own errno, negative, not translated through NLE_*; -EINTR if the kernel's
 * tables changed during a dump, all of which was received; -ENOBUFS; or -ETIMEDOUT. After these
 * last two the socket may hold the rest of the answer: retry with a new socket.
 */
int netlink_request(struct nl_sock *sock, struct nl_msg *msg, netlink_parse_fn *parse,
		    void *context);

#endif
