// SPDX-License-Identifier: GPL-2.0-or-later
// What a service manager is told: ready, status, stopping (sd_notify(3)'s protocol).
#ifndef LAUNCHER_RUN_SD_NOTIFY_H
#define LAUNCHER_RUN_SD_NOTIFY_H

/**
 * struct sd_notify - a way to the service manager.
 * @socket: connected, or -1: there is none, and nothing is told.
 */
struct sd_notify {
	int socket;
};

#define SD_NOTIFY_NONE \
	{              \
		-1     \
	}

/**
 * sd_notify_open() - find the way in NOTIFY_SOCKET, and remove that from the environment: what is
 * started from here on has nothing to tell.
 * @sd_notify: the way; close it with sd_notify_close().
 */
void sd_notify_open(struct sd_notify *sd_notify);

/**
 * sd_notify_send() - tell something.
 * @sd_notify: the way.
 * @format: of assignments, one in each line: "READY=1\nSTATUS=..."; what does not arrive is lost.
 */
void sd_notify_send(const struct sd_notify *sd_notify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void sd_notify_close(struct sd_notify *sd_notify);

#endif
