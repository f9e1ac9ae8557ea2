// SPDX-License-Identifier: GPL-2.0-or-later
// Puts a VM's tap into firewalld's zone of the uplink, and takes it out again.
#include "launcher/lan/firewalld.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "netsetup/base/cleanup.h"

/* Exit status of firewall-cmd(1): NOT_AUTHORIZED. */
#define NOT_AUTHORIZED 253

/*
 * firewalld forwards between interfaces that are in the zone by name. An uplink of NetworkManager
 * is; one that is in no zone is put into the default zone, which applies to it already. Here $1 is
 * the uplink and $2 the tap. It waits for the user, whom polkit may ask for a password.
 */
static const char join_script[] =
	"zone=$(firewall-cmd --get-zone-of-interface=\"$1\") || {\n"
	"	zone=$(firewall-cmd --get-default-zone) &&\n"
	"	firewall-cmd --zone=\"$zone\" --change-interface=\"$1\" || exit\n"
	"}\n"
	"firewall-cmd --zone=\"$zone\" --change-interface=\"$2\" || exit\n"
	"firewall-cmd --zone=\"$zone\" --query-forward ||\n"
	"	firewall-cmd --zone=\"$zone\" --add-forward\n";

static const char leave_script[] =
	"zone=$(timeout 10 firewall-cmd --get-zone-of-interface=\"$2\") &&\n"
	"timeout 10 firewall-cmd --zone=\"$zone\" --remove-interface=\"$2\"\n";

static int start(struct firewalld *firewalld, const char *script, struct error *err)
{
	cleanup_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct process_fd fds[] = { { null_fd, STDIN_FILENO },
					  { null_fd, STDOUT_FILENO },
					  { null_fd, STDERR_FILENO } };
	/* A new session keeps Ctrl-C from it: vmrun gets it and cleans up. */
	struct process_config config = {
		.argv = (char *[]){ (char *)"sh", (char *)"-c", (char *)script, (char *)"firewalld",
				    firewalld->uplink, firewalld->tap, NULL },
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.new_session = true,
		.death_signal = SIGKILL,
	};

	sigemptyset(&config.blocked);
	if (null_fd < 0)
		return error_set_errno(err, errno, "cannot open '/dev/null'");
	return process_start(&config, &firewalld->process, err);
}

static void report_failure(const struct firewalld *firewalld, const siginfo_t *end)
{
	if (end->si_code == CLD_EXITED && end->si_status == NOT_AUTHORIZED)
		log_notice("%s: polkit does not permit this user to put '%s' into a zone of "
			   "firewalld",
			   firewalld->name, firewalld->tap);
	else
		log_notice("%s: cannot put '%s' into a zone of firewalld: firewall-cmd failed with "
			   "%d",
			   firewalld->name, firewalld->tap, end->si_status);
}

static void on_end(int fd, uint32_t events, void *context)
{
	struct firewalld *firewalld = context;
	siginfo_t end;
	struct error err;

	loop_remove(firewalld->loop, fd);
	if (process_wait(&firewalld->process, &end, &err) == 0 &&
	    (end.si_code != CLD_EXITED || end.si_status != 0))
		report_failure(firewalld, &end);
}

bool firewalld_helps(const struct verdict *verdict)
{
	bool found = false;

	for (size_t i = 0; i < verdict->culprit_count; i++)
		found = found || verdict->culprits[i].owner == VERDICT_FIREWALLD;
	return found && verdict->refused;
}

void firewalld_join(struct firewalld *firewalld, const char *uplink, const char *tap)
{
	struct error err;

	if (firewalld->process.pid)
		return;
	snprintf(firewalld->uplink, sizeof(firewalld->uplink), "%s", uplink);
	snprintf(firewalld->tap, sizeof(firewalld->tap), "%s", tap);
	if (start(firewalld, join_script, &err) < 0 ||
	    loop_add(firewalld->loop, firewalld->process.pidfd, EPOLLIN, on_end, firewalld, &err) <
		    0)
		log_notice("%s: %s", firewalld->name, err.message);
}

void firewalld_leave(struct firewalld *firewalld)
{
	siginfo_t end;
	struct error err;

	if (!firewalld->tap[0])
		return;
	if (firewalld->process.pid)
		loop_remove(firewalld->loop, firewalld->process.pidfd);
	process_kill(&firewalld->process);
	if (start(firewalld, leave_script, &err) == 0)
		process_wait(&firewalld->process, &end, &err);
	process_kill(&firewalld->process);
	firewalld->tap[0] = '\0';
}
