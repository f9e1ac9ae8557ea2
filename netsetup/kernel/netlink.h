// SPDX-License-Identifier: GPL-2.0-or-later
// Netlink through libnl: sockets that never wait forever, cleanup of its types, its errors as errno.
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

/* Each such variable is a pointer and starts as NULL: `cleanup_nl_sock *sock = NULL;`. */
#define cleanup_nl_sock __attribute__((cleanup(cleanup_nl_sock_done))) struct nl_sock
#define cleanup_nl_msg  __attribute__((cleanup(cleanup_nl_msg_done))) struct nl_msg
#define cleanup_nl_cb   __attribute__((cleanup(cleanup_nl_cb_done))) struct nl_cb

/**
 * nl_errno() - the errno value that comes nearest to a libnl code.
 * @nle: an NLE_* code of libnl, negative as its functions return it, or positive.
 *
 * Return: a positive errno value, 0 for 0; EIO for what libnl itself cannot tell.
 */
int nl_errno(int nle);

/**
 * nl_error() - fill an error from what a function of libnl returned.
 * @err: the error; filled as error_set() does.
 * @nle: what the function returned, negative.
 * @format: printf format of the message, without the reason.
 *
 * Return: a negative errno, so that a caller can `return nl_error(...)`.
 */
int nl_error(struct error *err, int nle, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * nl_socket_open() - open a netlink socket to the kernel, in the caller's network namespace.
 * @protocol: NETLINK_ROUTE, NETLINK_GENERIC, ...
 * @sock: the socket: close-on-exec, with libnl's automatic acknowledgements and sequence check on;
 *        sending and receiving end with a timeout of 5 s (EAGAIN) instead of blocking forever.
 * @err: what failed.
 *
 * Return: 0 or a negative errno.
 */
int nl_socket_open(int protocol, struct nl_sock **sock, struct error *err);

/**
 * netlink_message() - make a request that begins with its family's header.
 * @type: RTM_*.
 * @flags: NLM_F_*, without NLM_F_REQUEST and NLM_F_ACK, which nl_request() adds.
 * @header: struct ifinfomsg, rtmsg, ndmsg, ...
 * @size: of @header in bytes.
 *
 * Return: the message, owned by the caller; NULL without memory.
 */
struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size);

/**
 * nl_parse_fn - told each message that answers a request.
 * @header: the message; its length is within what was received, nothing else has been checked.
 * @context: as given to nl_request().
 *
 * Return: 0 or a negative errno, which nl_request() returns after it has received the rest.
 */
typedef int nl_parse_fn(struct nlmsghdr *header, void *context);

/**
 * nl_request() - send a request and receive its whole answer: a dump, an object, or only the
 * acknowledgement.
 * @sock: from nl_socket_open().
 * @msg: the request; stays the caller's and can be sent again.
 * @parse: told each message of the answer, or NULL when none is expected.
 * @context: passed to @parse.
 *
 * Return: 0, the kernel's own errno (negative, without the loss of a translation through NLE_*),
 * -EINTR for a dump during which the kernel's tables changed, -ENOBUFS or -ETIMEDOUT; after
 * these last three the socket may hold the rest of the answer: retry with a new one.
 */
int nl_request(struct nl_sock *sock, struct nl_msg *msg, nl_parse_fn *parse, void *context);

#endif
