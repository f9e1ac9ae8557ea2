// SPDX-License-Identifier: GPL-2.0-or-later
// Directories of the host that the guest can mount.
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

/* virtiofsd's own descriptor: it listens there, and QEMU is connected already. */
#define VIRTIOFSD_FD 3

/*
 * virtiofsd wants to be root, to act as any user of the guest. For a user it is made root of a user
 * namespace in which there is nobody else: what the guest's root does is done by the user, and
 * others of the guest can do nothing. unshare(1) makes it and not virtiofsd, which needs
 * newuidmap(1) for that, and so privilege. The mount namespace, from which nothing but the
 * directory can be seen, virtiofsd makes itself.
 */
static int start(const struct share *share, const char *unshare, const char *virtiofsd,
		 int listener, struct companions *companions, struct error *err)
{
	char name[sizeof("virtiofsd of ") + TYPE_SHARE_TAG_MAX];
	const struct process_fd fds[] = { { listener, VIRTIOFSD_FD } };
	struct argv argv = { 0 };
	const struct companion_config config = { name, &argv, fds, ARRAY_SIZE(fds) };
	int ret;

	snprintf(name, sizeof(name), "virtiofsd of %s", share->tag);
	if (unshare)
		argv_add(&argv, unshare, "--map-root-user", "--", NULL);
	argv_add(&argv, virtiofsd, NULL);
	argv_addf(&argv, "--fd=%d", VIRTIOFSD_FD);
	argv_addf(&argv, "--shared-dir=%s", share->path);
	argv_add(&argv, "--rlimit-nofile=0", "--log-level=warn", NULL);
	ret = companion_start(companions, &config, err);
	argv_done(&argv);
	return ret;
}

/* Its own socket in the user's directory, so that nobody else can be the one to connect. */
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
		return error_set(err, ENOMEM, "cannot make a socket");
	ours = local_listen(directory, name, err);
	if (ours < 0)
		return ours;
	*link = local_connect(directory, name, err);
	if (*link < 0)
		ret = *link;
	else
		*listener = take_fd(&ours);
	unlink(path);
	return ret;
}

/* Not the one of QEMU before 8 in /usr/lib/qemu, which only root can run, and with other options. */
static int find(char **unshare, char **virtiofsd, struct error *err)
{
	static const char *const places[] = { "/usr/libexec", NULL };
	int ret = companion_find("virtiofsd", places, "virtiofsd", virtiofsd, err);

	if (ret == -ENOENT)
		error_remedy(err, "install it (Debian 13, Ubuntu 24.04, Fedora: package "
				  "virtiofsd), or share with 'driver: 9p'");
	if (!ret && geteuid() != 0)
		ret = companion_find("unshare", NULL, "util-linux", unshare, err);
	return ret;
}

int shares_start(const struct definition *definition, const char *directory,
		 struct companions *companions, int fds[SHARES_MAX], struct error *err)
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
			ret = start(&definition->shares[i], unshare, virtiofsd, listener,
				    companions, err);
	}
	return ret;
}
