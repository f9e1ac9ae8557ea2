// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes an interface's integers under /proc/sys/net.
#include "netsetup/kernel/sysctl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

#define PATH_SIZE 128

static void sysctl_path(const struct sysctl *sysctl, char path[PATH_SIZE])
{
	int length;

	/* Threat: a name such as ".." leaves the directory. */
	assert(ifname_valid(sysctl->ifname) || !strcmp(sysctl->ifname, "all") ||
	       !strcmp(sysctl->ifname, "default"));

	length = snprintf(path, PATH_SIZE, "/proc/sys/net/%s/%s/%s", sysctl->tree, sysctl->ifname,
			  sysctl->key);
	assert(length < PATH_SIZE);
}

int sysctl_read(const struct sysctl *sysctl, int *value, struct error *err)
{
	cleanup_fd int fd = -1;
	char path[PATH_SIZE];
	char text[16];
	char *end;
	ssize_t size;
	long number;

	sysctl_path(sysctl, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	size = read(fd, text, sizeof(text) - 1);
	if (size < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	text[size] = '\0';
	number = strtol(text, &end, 10);
	if (end == text || (*end != '\n' && *end != '\0'))
		return error_set_errno(err, EINVAL, "cannot read '%s'", path);
	*value = (int)number;
	return 0;
}

int sysctl_write(const struct sysctl *sysctl, int value, struct error *err)
{
	cleanup_fd int fd = -1;
	char path[PATH_SIZE];
	char text[16];
	int length;

	sysctl_path(sysctl, path);
	length = snprintf(text, sizeof(text), "%d", value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (write(fd, text, (size_t)length) != length)
		return error_set_errno(err, errno, "cannot write '%s'", path);
	return 0;
}

const char *sysctl_name(const struct sysctl *sysctl, char *text, size_t size)
{
	snprintf(text, size, "net/%s/%s/%s", sysctl->tree, sysctl->ifname, sysctl->key);
	if (!strchr(sysctl->ifname, '.'))
		for (char *slash = text; (slash = strchr(slash, '/'));)
			*slash = '.';
	return text;
}
