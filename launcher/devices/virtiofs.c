// SPDX-License-Identifier: GPL-2.0-or-later
// Runs virtiofsd for shared directories of the host.
#include "launcher/devices/virtiofs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/text.h"
#include "launcher/common/unix_socket.h"
#include "launcher/definition/type_share.h"
#include "netsetup/base/cleanup.h"

/* virtiofsd's listening socket, to which QEMU's socket is connected already. */
#define VIRTIOFSD_FD 3

/*
 * virtiofsd needs root to act as any user of the guest. For an ordinary user it runs as root of a
 * user namespace that has no other user: the guest's root acts as this user on the host, and other
 * users of the guest have no access. unshare(1) makes the namespace, since virtiofsd itself would
 * need newuidmap(1), which is privileged.
 *
 * virtiofsd makes its own mount namespace, which has only the shared directory. It has no network
 * and no other process there. Landlock would deny it the mounts, so its limits have no files.
 */
static int start(const struct share *share, const char *unshare, const char *virtiofsd,
		 int listener, struct backends *backends, struct error *err)
{
	char name[sizeof("virtiofsd of ") + TYPE_SHARE_TAG_MAX];
	const struct process_fd fds[] = { { listener, VIRTIOFSD_FD } };
	struct argv argv = { 0 };
	struct confinement confinement;
	const struct backend_config config = { name, &argv, fds, ARRAY_SIZE(fds), &confinement };
	int ret = confinement_new(&(struct confinement_needs){ .mounts = true, .attributes = true },
				  &confinement, err);

	if (ret)
		return ret;
	snprintf(name, sizeof(name), "virtiofsd of %s", share->tag);
	if (unshare)
		argv_add(&argv, unshare, "--map-root-user", "--", NULL);
	argv_add(&argv, virtiofsd, NULL);
	argv_addf(&argv, "--fd=%d", VIRTIOFSD_FD);
	argv_addf(&argv, "--shared-dir=%s", share->path);
	argv_add(&argv, "--rlimit-nofile=0", "--log-level=warn", NULL);
	ret = backend_start(backends, &config, err);
	confinement_done(&confinement);
	argv_done(&argv);
	return ret;
}

/* Makes and connects a socket in the user's directory, where no other user can connect first. */
static int connect_one(const char *directory, unsigned int index, int *listener, int *link,
		       struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_fd int ours = -1;
	char name[16];
	int ret = 0;

	snprintf(name, sizeof(name), "share%u", index);
	path = text_format("%s/%s", directory, name);
	if (!path)
		return error_set_errno(err, ENOMEM, "cannot make a socket");
	ours = unix_socket_listen(directory, name, err);
	if (ours < 0)
		return ours;
	*link = unix_socket_connect(directory, name, err);
	if (*link < 0)
		ret = *link;
	else
		*listener = take_fd(&ours);
	unlink(path);
	return ret;
}

/* Ignores QEMU's virtiofsd (before 8, /usr/lib/qemu): it needs root and has other options. */
static int find(char **unshare, char **virtiofsd, struct error *err)
{
	static const char *const directories[] = { "/usr/libexec", NULL };
	int ret = backend_find("virtiofsd", directories, "virtiofsd", virtiofsd, err);

	if (ret == -ENOENT)
		error_remedy(err, "install it (Debian 13, Ubuntu 24.04, Fedora: package "
				  "virtiofsd), or share with 'driver: 9p'");
	if (!ret && geteuid() != 0)
		ret = backend_find("unshare", NULL, "util-linux", unshare, err);
	return ret;
}

int virtiofs_start(const struct definition *definition, const char *directory,
		   struct backends *backends, int fds[SHARES_MAX], struct error *err)
{
	cleanup_free char *unshare = NULL;
	cleanup_free char *virtiofsd = NULL;
	int ret = 0;

	memset(fds, -1, SHARES_MAX * sizeof(fds[0]));
	for (unsigned int i = 0; i < definition->share_count && !ret; i++) {
		cleanup_fd int listener = -1;

		if (definition->shares[i].driver != SHARE_VIRTIOFS)
			continue;
		if (!virtiofsd)
			ret = find(&unshare, &virtiofsd, err);
		if (!ret)
			ret = connect_one(directory, i, &listener, &fds[i], err);
		if (!ret)
			ret = start(&definition->shares[i], unshare, virtiofsd, listener, backends,
				    err);
	}
	return ret;
}
