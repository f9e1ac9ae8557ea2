// SPDX-License-Identifier: GPL-2.0-or-later
// vmrun-netsetup, the privileged helper of vmrun: puts one VM on the LAN for as long as it runs.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netsetup/privilege.h"
#include "netsetup/protocol.h"
#include "netsetup/session.h"

static void print_error(const struct error *err)
{
	fprintf(stderr, "vmrun-netsetup: %s\n", err->message);
	if (err->remedy[0])
		fprintf(stderr, "%s\n", err->remedy);
}

/* Whether the launcher's socket is where it should be. */
static bool socket_given(void)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(PROTOCOL_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	sigset_t all;
	int rc;

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("vmrun-netsetup %s\n", VMRUN_VERSION);
		return STATUS_OK;
	}
	if (argc != 1 || !socket_given()) {
		fprintf(stderr, "vmrun-netsetup: this is started by vmrun, not by hand; "
				"see vmrun-netsetup(8)\n");
		return STATUS_USAGE;
	}
	/* The launcher's end-of-file alone ends us: a terminal's Ctrl-C must not cut the VM off. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	umask(077);
	/* Set-uid, the environment is the asker's: libnl, for one, reads names of files from it. */
	clearenv();
	if (privilege_confine(&err) < 0) {
		print_error(&err);
		return err.status;
	}
	rc = session_run(PROTOCOL_FD, &err);
	/* The launcher need not wait for what the kernel does at the end of this process. */
	shutdown(PROTOCOL_FD, SHUT_RDWR);
	return rc < 0 ? (int)err.status : STATUS_OK;
}
