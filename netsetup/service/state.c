// SPDX-License-Identifier: GPL-2.0-or-later
// Has the state of all VMs of this network namespace, and its copy in a file.
#include "netsetup/service/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/netns.h"

#define STATE_FILE  "state"
#define STATE_NEW   "state.new"
#define STATE_MAGIC 0x76725336u /* "vrS6" */

/* A file with more or larger ones is none of ours. */
#define STATE_VMS_MAX  4096
#define STATE_PART_MAX 65536

/* Waits for a service that begins or ends: 2 s. */
#define OTHER_TRIES   100
#define OTHER_WAIT_US 20000

/* The file: this header, the uplinks' records, and of each VM its record and its request. */
struct state_header {
	uint32_t magic;
	struct {
		uint32_t header;
		uint32_t uplink;
		uint32_t vm;
		uint32_t attach;
	} sizes;
	uint32_t last_id;
	uint32_t uplink_count;
	uint32_t vm_count;
	struct ether_addr own_macs[OWN_MACS_MAX];
};

/* Bytes of a VM's record without its request. */
#define VM_PART_SIZE offsetof(struct vm_record, attach)

/* struct reader - the place in the file that is read next. */
struct reader {
	int fd;
	off_t offset;
};

/*
 * Threat: a user who can write to the directory or its parent replaces the state. Both must be
 * ours. The clients reach the socket in it, so others may search it.
 */
static int open_own(int parent, const char *name, const char *path, struct error *err)
{
	const mode_t mask = umask(022);
	cleanup_fd int fd = -1;
	struct stat status;
	int ret = mkdirat(parent, name, 0755);

	umask(mask);
	if (ret < 0 && errno != EEXIST)
		return error_set_errno(err, errno, "cannot make '%s'", path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (fstat(fd, &status) < 0)
		return error_set_errno(err, errno, "cannot examine '%s'", path);
	if (status.st_uid == geteuid() && !(status.st_mode & 022))
		return take_fd(&fd);
	error_setf(err, STATUS_PERMISSION, EPERM, "'%s' is open to other users", path);
	error_remedy(err, "remove it, or: chown root '%s' && chmod 755 '%s'", path, path);
	return -EPERM;
}

/* Returns true if the name still means the directory that was locked. */
static bool still_there(int parent, const char *name, int dir)
{
	struct stat named, opened;

	return fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(dir, &opened) == 0 && named.st_ino == opened.st_ino;
}

/* Opens the directory and its parent, which a service that ends may remove meanwhile: -ENOENT. */
static int open_dir(const char *path, int *parent, struct error *err)
{
	*parent = open_own(AT_FDCWD, NETNS_RUN_DIR, NETNS_RUN_DIR, err);
	return *parent < 0 ? *parent : open_own(*parent, path + sizeof(NETNS_RUN_DIR), path, err);
}

/* Returns the locked directory, or -EAGAIN if another service has it. */
static int open_locked(const char *path, struct error *err)
{
	const char *name = path + sizeof(NETNS_RUN_DIR);

	for (int i = 0; i < OTHER_TRIES; i++) {
		cleanup_fd int parent = -1;
		cleanup_fd int dir = open_dir(path, &parent, err);

		if (dir == -ENOENT)
			continue;
		if (dir < 0)
			return dir;
		if (flock(dir, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK
				       ? error_setf(err, STATUS_FAILURE, EAGAIN,
						    "another vmrun-netsetup serves this network "
						    "namespace")
				       : error_set_errno(err, errno, "cannot lock '%s'", path);
		if (still_there(parent, name, dir))
			return take_fd(&dir);
		error_set_errno(err, ENOENT, "cannot lock '%s'", path);
	}
	return -err->code;
}

static int connect_other(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" PROTOCOL_SOCKET_NAME, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return take_fd(&fd);
}

int state_connect(void)
{
	char path[NETNS_DIR_SIZE];
	struct error ignored;

	return netns_dir(path, &ignored) < 0 ? -1 : connect_other(path);
}

int state_open(struct state *state, int *other, struct error *err)
{
	char path[NETNS_DIR_SIZE];
	int ret;

	ret = netns_dir(path, err);
	if (ret < 0)
		return ret;
	ret = open_locked(path, err);
	/* The other service may be about to make its socket, or to end. */
	for (int i = 0; ret == -EAGAIN && other && i < OTHER_TRIES; i++) {
		*other = connect_other(path);
		if (*other >= 0)
			return ret;
		usleep(OTHER_WAIT_US);
		ret = open_locked(path, err);
	}
	if (ret < 0)
		return ret;
	state->dir = ret;
	return 0;
}

/* Reads a part that has @stored bytes in the file, and @size bytes here; the rest stays. */
static bool read_part(struct reader *reader, void *data, size_t size, uint32_t stored)
{
	const size_t common = stored < size ? stored : size;
	struct stat status;

	if (pread(reader->fd, data, common, reader->offset) != (ssize_t)common)
		return false;
	reader->offset += stored;
	return stored <= size ||
	       (fstat(reader->fd, &status) == 0 && status.st_size >= reader->offset);
}

static int load_vms(struct state *state, struct reader *reader, const struct state_header *header,
		    struct error *err)
{
	for (uint32_t i = 0; i < header->vm_count; i++) {
		struct vm *vm = vm_new();

		if (!vm || !read_part(reader, &vm->record, VM_PART_SIZE, header->sizes.vm) ||
		    !read_part(reader, &vm->record.attach, sizeof(vm->record.attach),
			       header->sizes.attach)) {
			vm_free(vm);
			return error_set_errno(err, vm ? EIO : ENOMEM,
					       "cannot read the state in '" NETNS_RUN_DIR "'");
		}
		vm->next = state->vms;
		state->vms = vm;
	}
	return 0;
}

static bool load_header(struct reader *reader, struct state_header *header)
{
	*header = (struct state_header){ 0 };
	if (!read_part(reader, header, sizeof(*header), offsetof(struct state_header, last_id)) ||
	    header->magic != STATE_MAGIC)
		return false;
	reader->offset = 0;
	return header->sizes.header >= offsetof(struct state_header, own_macs) &&
	       header->sizes.header <= STATE_PART_MAX && header->sizes.uplink <= STATE_PART_MAX &&
	       header->sizes.vm <= STATE_PART_MAX && header->sizes.attach <= STATE_PART_MAX &&
	       read_part(reader, header, sizeof(*header), header->sizes.header) &&
	       header->uplink_count <= UPLINK_RECORDS_MAX && header->vm_count <= STATE_VMS_MAX;
}

int state_load(struct state *state, struct error *err)
{
	cleanup_fd int fd = openat(state->dir, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct reader reader = { .fd = fd };
	struct state_header header;

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : error_set_errno(err, errno,
						 "cannot open the state in '" NETNS_RUN_DIR "'");
	if (!load_header(&reader, &header))
		return 0;
	for (uint32_t i = 0; i < header.uplink_count; i++)
		if (!read_part(&reader, &state->uplinks.records[i],
			       sizeof(state->uplinks.records[i]), header.sizes.uplink))
			return 0;
	state->uplinks.count = header.uplink_count;
	state->last_id = header.last_id;
	memcpy(state->own_macs, header.own_macs, sizeof(state->own_macs));
	return load_vms(state, &reader, &header, err);
}

static bool write_all(int fd, const void *data, size_t size)
{
	const ssize_t written = write(fd, data, size);

	if (written >= 0 && written < (ssize_t)size)
		errno = ENOSPC;
	return written == (ssize_t)size;
}

static bool write_state(const struct state *state, int fd)
{
	struct state_header header = { .magic = STATE_MAGIC,
				       .sizes = { sizeof(header), sizeof(state->uplinks.records[0]),
						  VM_PART_SIZE, sizeof(struct attach_record) },
				       .last_id = state->last_id,
				       .uplink_count = state->uplinks.count };

	memcpy(header.own_macs, state->own_macs, sizeof(header.own_macs));
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		header.vm_count += !vm->record.attach.dry_run;
	if (!write_all(fd, &header, sizeof(header)) ||
	    !write_all(fd, state->uplinks.records,
		       state->uplinks.count * sizeof(state->uplinks.records[0])))
		return false;
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (!vm->record.attach.dry_run &&
		    (!write_all(fd, &vm->record, VM_PART_SIZE) ||
		     !write_all(fd, &vm->record.attach, sizeof(vm->record.attach))))
			return false;
	return true;
}

int state_save(struct state *state, struct error *err)
{
	cleanup_fd int fd = -1;

	if (state->dir < 0)
		return 0;
	fd = openat(state->dir, STATE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd >= 0 && write_state(state, fd) &&
	    renameat(state->dir, STATE_NEW, state->dir, STATE_FILE) == 0)
		return 0;
	error_set_errno(err, errno, "cannot write the state in '" NETNS_RUN_DIR "'");
	unlinkat(state->dir, STATE_NEW, 0);
	return -err->code;
}

void state_add(struct state *state, struct vm *vm)
{
	vm->record.id = ++state->last_id;
	vm->next = state->vms;
	state->vms = vm;
}

void state_remove(struct state *state, struct vm *vm)
{
	struct vm **at = &state->vms;

	while (*at && *at != vm)
		at = &(*at)->next;
	if (*at)
		*at = vm->next;
	vm->next = NULL;
}

struct vm *state_find(const struct state *state, uint32_t id)
{
	for (struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.id == id)
			return vm;
	return NULL;
}

struct vm *state_find_other(const struct state *state, const struct vm *vm)
{
	const struct attach_record *attach = &vm->record.attach;

	for (struct vm *other = state->vms; other; other = other->next)
		if (other != vm && other->record.attach.owner == attach->owner &&
		    other->record.attach.card == attach->card &&
		    !strcmp(other->record.attach.name, attach->name) &&
		    !other->record.attach.dry_run)
			return other;
	return NULL;
}

void state_clear(struct state *state)
{
	char path[NETNS_DIR_SIZE];
	struct error ignored;

	/* Under the lock: a service that starts meanwhile notices that the directory is gone. */
	if (state->dir < 0 || state->vms || state->waiting || state->uplinks.count ||
	    netns_dir(path, &ignored) < 0)
		return;
	unlinkat(state->dir, STATE_FILE, 0);
	/* Of a service that was killed. */
	unlinkat(state->dir, STATE_NEW, 0);
	unlinkat(state->dir, PROTOCOL_SOCKET_NAME, 0);
	rmdir(path);
	rmdir(NETNS_RUN_DIR);
}

bool state_has_tap(const struct state *state, const struct vm *vm, unsigned int ifindex)
{
	for (const struct vm *other = state->vms; other; other = other->next)
		if (other != vm && other->record.tap_ifindex == ifindex)
			return true;
	return false;
}

bool state_has_mac(const struct state *state, const struct vm *vm)
{
	for (const struct vm *other = state->vms; other; other = other->next)
		if (other != vm && other->record.path == PATH_BRIDGED &&
		    other->record.table == vm->uplink.ifindex &&
		    !memcmp(&other->record.attach.mac, &vm->record.attach.mac,
			    sizeof(struct ether_addr)))
			return true;
	return false;
}

void state_close(struct state *state)
{
	state->waiting = 0;
	state_clear(state);
	while (state->vms) {
		struct vm *vm = state->vms;

		state->vms = vm->next;
		vm_free(vm);
	}
	if (state->dir >= 0)
		close(state->dir);
	if (state->ruleset > 0)
		close(state->ruleset);
	state->ruleset = 0;
	state->dir = -1;
}
