// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out which VM uses an image, by the locks that QEMU takes.
#include "launcher/disks/image_lock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

/*
 * Bytes that QEMU locks in an image (block/file-posix.c, raw_apply_lock_bytes()): one for each
 * permission that it uses, and one for each that it does not share. The permission to write has
 * number 1.
 */
#define LOCK_WRITES         101
#define LOCK_REFUSES_WRITES 201

#define CMDLINE_MAX (1024 * 1024)

static bool is_locked(int fd, off_t byte)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1
	};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* True if the process, a directory of /proc, has the file open. */
static bool has_file(int proc, const char *pid, const struct stat *file)
{
	cleanup_free char *path = text_format("%s/fd", pid);
	const int fd = path ? openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool found = false;
	struct stat st;

	while (stream && !found && (entry = readdir(stream)))
		found = !fstatat(fd, entry->d_name, &st, 0) && st.st_dev == file->st_dev &&
			st.st_ino == file->st_ino;
	if (stream)
		closedir(stream);
	else if (fd >= 0)
		close(fd);
	return found;
}

/* Returns the VM's name in QEMU's command, or NULL; the caller frees it. */
static char *vm_name(const char *pid)
{
	static const char option[] = "-name", key[] = "guest=";
	cleanup_free char *path = text_format("/proc/%s/cmdline", pid);
	cleanup_free char *line = NULL;
	struct error ignored;
	const char *name;
	size_t size;

	if (!path || file_read(path, CMDLINE_MAX, &line, &size, &ignored) < 0)
		return NULL;
	name = memmem(line, size, option, sizeof(option));
	if (!name)
		return NULL;
	name += sizeof(option);
	if (!strncmp(name, key, strlen(key)))
		name += strlen(key);
	return text_clean(name, "") ? strndup(name, strcspn(name, ",")) : NULL;
}

/* Finds a process of the user's that has the file open. */
static char *find_vm(const struct stat *file)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char *name = NULL;

	while (proc && !name && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    has_file(dirfd(proc), entry->d_name, file))
			name = vm_name(entry->d_name);
	if (proc)
		closedir(proc);
	return name;
}

static int refuse(const char *path, bool direct, int fd, struct error *err)
{
	const char *verb = direct ? "uses" : "writes to";
	cleanup_free char *name = NULL;
	struct stat st;

	if (!fstat(fd, &st))
		name = find_vm(&st);
	if (!name)
		return error_setf(err, STATUS_FAILURE, EBUSY,
				  "cannot use image '%s': another process %s it", path, verb);
	error_setf(err, STATUS_FAILURE, EBUSY, "cannot use image '%s': VM '%s' %s it", path, name,
		   verb);
	error_remedy(err, "stop it first: vmrun stop %s", name);
	return -EBUSY;
}

int image_lock_check(const char *path, bool direct, struct error *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open image '%s'", path);
	if (!is_locked(fd, LOCK_WRITES) && !(direct && is_locked(fd, LOCK_REFUSES_WRITES)))
		return 0;
	return refuse(path, direct, fd, err);
}
