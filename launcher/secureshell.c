// SPDX-License-Identifier: GPL-2.0-or-later
// ssh(1) into a guest, with a host key that is remembered for the VM and not for its address.
#include "launcher/secureshell.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "launcher/argv.h"
#include "launcher/xdg.h"
#include "netsetup/cleanup.h"
#include "netsetup/ipv4.h"

int secureshell_exec(const char *name, const struct sockaddr_in *ssh, struct json_object *status,
		     char *const *args, unsigned int arg_count, struct error *err)
{
	cleanup_free char *directory = NULL;
	struct json_object *user = NULL;
	char text[IPV4_TEXT_SIZE];
	struct argv argv = { 0 };
	sigset_t none;
	int rc;

	rc = xdg_dir(XDG_STATE, name, &directory, err);
	if (rc == 0)
		rc = xdg_make(directory, err);
	if (rc < 0)
		return rc;
	argv_add(&argv, "ssh", NULL);
	argv_addf(&argv, "-oUserKnownHostsFile=\"%s/known_hosts\"", directory);
	argv_addf(&argv, "-oHostKeyAlias=%s", name);
	argv_add(&argv, "-oStrictHostKeyChecking=accept-new", NULL);
	if (json_object_object_get_ex(status, "user", &user) && user)
		argv_addf(&argv, "-oUser=%s", json_object_get_string(user));
	argv_addf(&argv, "-oPort=%u", ntohs(ssh->sin_port));
	argv_add(&argv, ipv4_text(ssh->sin_addr, text), NULL);
	for (unsigned int i = 0; i < arg_count; i++)
		argv_add(&argv, args[i], NULL);
	if (!argv.failed) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv.items[0], argv.items);
	}
	rc = error_set(err, argv.failed ? ENOMEM : errno, "cannot run 'ssh'");
	if (rc == -ENOENT)
		error_remedy(err, "install it: apt-get install openssh-client");
	argv_done(&argv);
	return rc;
}
