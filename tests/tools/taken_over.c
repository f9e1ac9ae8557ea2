// SPDX-License-Identifier: GPL-2.0-or-later
// Attacks the host from inside of vmrun-image, which loads this in place of libcurl's function.
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROTOCOL_MPTCP 262

__attribute__((visibility("default"))) int curl_easy_perform(void *curl);

static int code(long ret)
{
	return ret < 0 ? errno : 0;
}

static socklen_t unix_address(const char *name, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strncpy(address->sun_path, name, sizeof(address->sun_path) - 1);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static int connect_local(const char *variable)
{
	struct sockaddr_un address;
	const socklen_t size = unix_address(getenv(variable), &address);
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? errno : code(connect(fd, (struct sockaddr *)&address, size));
}

static int attack_agent(void)
{
	return connect_local("AGENT");
}

static int attack_bus(void)
{
	return connect_local("BUS");
}

/* A datagram socket of a pair can send to any address. */
static int attack_pair(void)
{
	struct sockaddr_un address;
	const socklen_t size = unix_address(getenv("DATAGRAMS"), &address);
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) < 0)
		return errno;
	return code(sendto(fds[0], "x", 1, 0, (struct sockaddr *)&address, size));
}

static int victim(void)
{
	return atoi(getenv("VICTIM"));
}

static int attack_kill(void)
{
	return code(kill(victim(), SIGCONT));
}

static int attack_tgkill(void)
{
	return code(syscall(SYS_tgkill, victim(), victim(), SIGCONT));
}

static int attack_pidfd(void)
{
	const int fd = pidfd_open(victim(), 0);

	return fd < 0 ? errno : code(pidfd_send_signal(fd, SIGCONT, NULL, 0));
}

static struct sockaddr_in port(const char *variable)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)atoi(getenv(variable))),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int connect_port(const char *variable, int protocol)
{
	const struct sockaddr_in to = port(variable);
	const int fd = socket(AF_INET, SOCK_STREAM, protocol);

	return fd < 0 ? errno : code(connect(fd, (const struct sockaddr *)&to, sizeof(to)));
}

static int attack_port(void)
{
	return connect_port("OTHER_PORT", 0);
}

static int attack_mptcp(void)
{
	return connect_port("OTHER_PORT", PROTOCOL_MPTCP);
}

static int attack_fastopen(void)
{
	const struct sockaddr_in to = port("OTHER_PORT");
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno
		      : code(sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&to,
				    sizeof(to)));
}

/* The one that is allowed. */
static int attack_own_port(void)
{
	return connect_port("OWN_PORT", 0);
}

static int attack_unshare(void)
{
	return code(unshare(CLONE_NEWUTS));
}

static int attack_clone(void)
{
	const long pid = syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return code(pid);
}

static int attack_exec(void)
{
	return code(execl("/bin/true", "true", NULL));
}

static const struct {
	const char *name;
	int (*run)(void);
} attacks[] = {
#define ATTACK(name)                 \
	{                            \
#name, attack_##name \
	}
	ATTACK(agent),   ATTACK(bus),   ATTACK(pair),  ATTACK(kill),     ATTACK(tgkill),
	ATTACK(pidfd),   ATTACK(port),  ATTACK(mptcp), ATTACK(fastopen), ATTACK(own_port),
	ATTACK(unshare), ATTACK(clone), ATTACK(exec),
};

/* Prints "attack NAME: ERRNO" for each; 0 if it succeeds. */
int curl_easy_perform(void *curl)
{
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		int status = 0;
		const pid_t pid = fork();

		if (pid == 0)
			_exit(attacks[i].run());
		waitpid(pid, &status, 0);
		dprintf(STDERR_FILENO, "attack %s: %d\n", attacks[i].name,
			WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
	return 1;
}
