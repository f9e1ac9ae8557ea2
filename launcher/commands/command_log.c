// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the log of a VM.
#include "launcher/commands/command_log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/common/terminal.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/run/log_ring.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

/* Events that end the wait for more lines. */
enum wake {
	WAKE_CHANGE, /* of the log's directory */
	WAKE_END,    /* of the VM */
	WAKE_SIGNAL,
	WAKE_COUNT
};

/**
 * struct log_reader - the state of one printout.
 * @raw: print what acts on a terminal, too.
 * @path: the newest file of the log; @file: that file, or one that was renamed since.
 * @line, @capacity: of getline(3).
 */
struct log_reader {
	bool raw;
	char *path;
	FILE *file;
	char *line;
	size_t capacity;
};

/*
 * Prints lines to the end of the file. @whole: leave a line that has no end yet for the next call.
 *
 * Threat: a guest writes a terminal query. A terminal that shows the log, also behind a pipe to
 * tail(1), types the reply into the user's shell. Check: terminal_mute() removes queries wherever
 * the output goes, and from whole lines, because half a query is none.
 */
static void print_lines(struct log_reader *reader, bool whole)
{
	ssize_t size;

	clearerr(reader->file);
	while ((size = getline(&reader->line, &reader->capacity, reader->file)) > 0) {
		if (whole && reader->line[size - 1] != '\n') {
			fseek(reader->file, -(long)size, SEEK_CUR);
			break;
		}
		log_bytes(reader->line,
			  reader->raw ? (size_t)size : terminal_mute(reader->line, (size_t)size));
	}
	fflush(stdout);
}

static bool is_renamed(const struct log_reader *reader)
{
	struct stat now, then;

	return stat(reader->path, &now) == 0 && fstat(fileno(reader->file), &then) == 0 &&
	       (now.st_ino != then.st_ino || now.st_dev != then.st_dev);
}

static int open_log(struct log_reader *reader, const char *path, struct error *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (reader->file)
		fclose(reader->file);
	reader->file = file;
	return 0;
}

/* Prints what comes until the VM ends (0) or a signal or an error ends this (negative errno). */
static int follow(struct log_reader *reader, const char *directory, int vm, struct error *err)
{
	cleanup_fd int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	cleanup_fd int signals = signals_open_ends(err);
	struct pollfd polled[WAKE_COUNT] = { { changes, POLLIN, 0 },
					     { vm, POLLIN, 0 },
					     { signals, POLLIN, 0 } };
	char events[4096];

	if (signals < 0)
		return signals;
	if (changes < 0 || inotify_add_watch(changes, directory, IN_MODIFY | IN_CREATE) < 0)
		return error_set_errno(err, errno, "cannot watch '%s'", directory);
	for (;;) {
		print_lines(reader, true);
		if (is_renamed(reader)) {
			print_lines(reader, false);
			if (open_log(reader, reader->path, err) < 0)
				return -err->code;
			continue;
		}
		if (ferror(stdout) || polled[WAKE_END].revents)
			return 0;
		if (poll(polled, WAKE_COUNT, -1) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for the log");
		if (polled[WAKE_SIGNAL].revents)
			return -EINTR;
		if (polled[WAKE_CHANGE].revents && read(changes, events, sizeof(events)) < 0 &&
		    errno != EAGAIN)
			return error_set_errno(err, errno, "cannot watch '%s'", directory);
	}
}

static int print_log(struct log_reader *reader, const struct options *options,
		     const char *directory, struct error *err)
{
	cleanup_free char *old = text_format("%s/" LOG_RING_OLD_FILE, directory);
	cleanup_fd int vm = options->follow ? vm_list_open_process(options->vm) : -1;
	struct error ignored;
	int ret;

	reader->path = text_format("%s/" LOG_RING_FILE, directory);
	if (!reader->path || !old)
		return error_set_errno(err, ENOMEM, "cannot read the log");
	if (open_log(reader, old, &ignored) == 0)
		print_lines(reader, false);
	ret = open_log(reader, reader->path, err);
	if (ret == -ENOENT) {
		error_setf(err, STATUS_FAILURE, ESRCH, "VM '%s' has no log", options->vm);
		error_remedy(err, "to have one, start it with --detach or 'console: socket'");
	}
	if (ret == 0 && vm >= 0)
		ret = follow(reader, directory, vm, err);
	if (ret == 0)
		print_lines(reader, false);
	return ret;
}

int command_log(const struct options *options, struct launch *launch, struct error *err)
{
	struct log_reader reader = { .raw = options->raw };
	cleanup_free char *directory = NULL;
	int ret;

	ret = xdg_dir(XDG_STATE, options->vm, &directory, err);
	if (ret == 0)
		ret = print_log(&reader, options, directory, err);
	if (reader.file)
		fclose(reader.file);
	free(reader.path);
	free(reader.line);
	/* Ctrl-C is the usual end of --follow. */
	return ret == -EINTR ? STATUS_SIGNAL + signals_pending() : ret < 0 ? (int)err->status : 0;
}
