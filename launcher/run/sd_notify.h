// SPDX-License-Identifier: GPL-2.0-or-later
// What a service manager is told: ready, status, stopping (sd_notify(3)'s protocol).
#ifndef LAUNCHER_RUN_SD_NOTIFY_H
#define LAUNCHER_RUN_SD_NOTIFY_H

/**
 * struct notify - a way to the service manager.
 * @socket: connected, or -1: there is none, and nothing is told.
 */
struct notify {
	int socket;
};

#define NOTIFY_NONE \
	{           \
		-1  \
	}

/**
 * notify_open() - find the way in NOTIFY_SOCKET, and remove that from the environment: what is
 * started from here on has nothing to tell.
 * @notify: the way; close it with notify_close().
 */
void notify_open(struct notify *notify);

/**
 * notify_send() - tell something.
 * @notify: the way.
 * @format: of assignments, one in each line: "READY=1\nSTATUS=..."; what does not arrive is lost.
 */
void notify_send(const struct notify *notify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void notify_close(struct notify *notify);

#endif
