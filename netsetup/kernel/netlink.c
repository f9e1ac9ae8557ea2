// SPDX-License-Identifier: GPL-2.0-or-later
// Sends netlink requests through libnl, with timeouts and errno values.
#include "netsetup/kernel/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "netsetup/base/cleanup.h"

/*
 * The kernel answers inside the system call. Only a holder of the RTNL lock delays it, and a delay
 * of seconds is a fault.
 */
#define TIMEOUT_SECONDS 5

/* The kernel's largest buffer of a dump (netlink_recvmsg() in net/netlink/af_netlink.c). */
#define RECEIVE_SIZE 32768

/* Attempts to send a request that signals interrupt. */
#define SEND_TRIES 8

int netlink_errno(int nle)
{
	/* libnl has NLE_NOMEM for ENOMEM and ENOBUFS; netlink_request() separates them. */
	static const int codes[NLE_MAX + 1] = {
		[NLE_FAILURE] = EIO,
		[NLE_INTR] = EINTR,
		[NLE_BAD_SOCK] = EBADF,
		[NLE_AGAIN] = EAGAIN,
		[NLE_NOMEM] = ENOMEM,
		[NLE_EXIST] = EEXIST,
		[NLE_INVAL] = EINVAL,
		[NLE_RANGE] = ERANGE,
		[NLE_MSGSIZE] = EMSGSIZE,
		[NLE_OPNOTSUPP] = EOPNOTSUPP,
		[NLE_AF_NOSUPPORT] = EAFNOSUPPORT,
		[NLE_OBJ_NOTFOUND] = ENOENT,
		[NLE_NOATTR] = EBADMSG,
		[NLE_MISSING_ATTR] = EBADMSG,
		[NLE_AF_MISMATCH] = EAFNOSUPPORT,
		[NLE_SEQ_MISMATCH] = EPROTO,
		[NLE_MSG_OVERFLOW] = EOVERFLOW,
		[NLE_MSG_TRUNC] = EMSGSIZE,
		[NLE_NOADDR] = EADDRNOTAVAIL,
		[NLE_SRCRT_NOSUPPORT] = EOPNOTSUPP,
		[NLE_MSG_TOOSHORT] = EBADMSG,
		[NLE_MSGTYPE_NOSUPPORT] = EOPNOTSUPP,
		[NLE_OBJ_MISMATCH] = EINVAL,
		[NLE_NOCACHE] = ENOENT,
		[NLE_BUSY] = EBUSY,
		[NLE_PROTO_MISMATCH] = EPROTONOSUPPORT,
		[NLE_NOACCESS] = EACCES,
		[NLE_PERM] = EPERM,
		[NLE_PKTLOC_FILE] = EIO,
		[NLE_PARSE_ERR] = EBADMSG,
		[NLE_NODEV] = ENODEV,
		[NLE_IMMUTABLE] = EPERM,
		[NLE_DUMP_INTR] = EINTR,
		[NLE_ATTRSIZE] = EBADMSG,
#ifdef NLE_HOSTUNREACH
		[NLE_HOSTUNREACH] = EHOSTUNREACH,
		[NLE_NETDOWN] = ENETDOWN,
#endif
	};

	if (nle == 0)
		return 0;
	/* Report a code that is newer than the table as a failure. */
	if (nle < -NLE_MAX || nle > NLE_MAX || codes[abs(nle)] == 0)
		return EIO;
	return codes[abs(nle)];
}

int netlink_error(struct error *err, int nle, const char *format, ...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return error_set_errno(err, netlink_errno(nle), "%s", message);
}

int netlink_open(int protocol, struct nl_sock **sock, struct error *err)
{
	static const struct timeval timeout = { .tv_sec = TIMEOUT_SECONDS };
	cleanup_nl_sock *opened = nl_socket_alloc();
	const int on = 1;
	int fd, nle;

	if (!opened)
		return error_set_errno(err, ENOMEM, "cannot open a netlink socket");

	/* libnl opens the socket with SOCK_CLOEXEC. */
	nle = nl_connect(opened, protocol);
	if (nle < 0)
		return netlink_error(err, nle, "cannot open a netlink socket");

	fd = nl_socket_get_fd(opened);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return error_set_errno(err, errno, "cannot set the timeout of a netlink socket");
	/* With this option a dump of routes leaves out other tables and other programs' routes. */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return error_set_errno(err, errno, "cannot set up a netlink socket");

	nle = nl_socket_set_msg_buf_size(opened, RECEIVE_SIZE);
	if (nle < 0)
		return netlink_error(err, nle, "cannot set up a netlink socket");

	*sock = take_ptr(&opened);
	return 0;
}

struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size)
{
	cleanup_nl_msg *message = nlmsg_alloc_simple(type, flags);

	if (!message || nlmsg_append(message, (void *)header, size, NLMSG_ALIGNTO) < 0)
		return NULL;
	return take_ptr(&message);
}

/**
 * struct request - a request that waits for its answer.
 * @parse: called for each message of the answer; may be NULL.
 * @sequence: the request's number; messages with other numbers are skipped.
 * @result: 0, or the first negative errno of @parse or the kernel.
 * @complete: true after the last message.
 * @interrupted: true if the kernel's tables changed during the dump.
 */
struct request {
	netlink_parse_fn *parse;
	void *context;
	uint32_t sequence;
	int result;
	bool complete;
	bool interrupted;
};

/* The kernel's errno values are -4095 (include/linux/err.h) to 0; any other value is an error. */
static int kernel_errno(int code)
{
	return code <= 0 && code >= -4095 ? code : -EPROTO;
}

/* Skips the rest of the answer to an earlier request that timed out. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	const struct request *request = arg;

	return nlmsg_hdr(msg)->nlmsg_seq == request->sequence ? NL_OK : NL_SKIP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct request *request = arg;

	if (request->parse && !request->result)
		request->result = request->parse(nlmsg_hdr(msg), request->context);
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct request *request = arg;

	request->complete = true;
	return NL_STOP;
}

/* The last message of a dump carries an errno if the kernel ended the dump early. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct request *request = arg;

	if (nlmsg_datalen(header) >= (int)sizeof(int)) {
		if (!request->result)
			request->result = kernel_errno(*(int *)nlmsg_data(header));
	}
	request->complete = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct request *request = arg;

	request->interrupted = true;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *address, struct nlmsgerr *error, void *arg)
{
	struct request *request = arg;

	request->result = kernel_errno(error->error);
	request->complete = true;
	return NL_STOP;
}

int netlink_request(struct nl_sock *sock, struct nl_msg *msg, netlink_parse_fn *parse,
		    void *context)
{
	struct request request = { .parse = parse, .context = context };
	cleanup_nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int tries = 0;
	int nle;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, &request);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &request);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &request);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &request);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, &request);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &request);

	/* The caller may send a message again on another socket, which needs new numbers. */
	nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
	nlmsg_hdr(msg)->nlmsg_pid = NL_AUTO_PORT;
	/* With a timeout, SIGCONT interrupts the call before it has sent anything (signal(7)). */
	do {
		errno = 0;
		nle = nl_send_auto(sock, msg);
	} while (nle == -NLE_INTR && ++tries < SEND_TRIES);
	request.sequence = nlmsg_hdr(msg)->nlmsg_seq;
	while (nle >= 0 && !request.complete) {
		errno = 0;
		nle = nl_recvmsgs(sock, cb);
	}

	/* The kernel's own errno is more exact than libnl's translation. */
	if (request.result)
		return request.result;
	if (request.interrupted)
		return -EINTR;
	if (nle == -NLE_AGAIN)
		return -ETIMEDOUT;
	if (nle == -NLE_NOMEM && errno == ENOBUFS)
		return -ENOBUFS;
	if (nle == -NLE_FAILURE && errno)
		return -errno;
	return -netlink_errno(nle < 0 ? nle : 0);
}
