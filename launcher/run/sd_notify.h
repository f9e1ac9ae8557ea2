// SPDX-License-Identifier: GPL-2.0-or-later
// Sends vmrun's state to a service manager by the protocol of sd_notify(3).
#ifndef LAUNCHER_RUN_SD_NOTIFY_H
#define LAUNCHER_RUN_SD_NOTIFY_H

/**
 * struct sd_notify - the connection to the service manager.
 * @socket: a connected socket, or -1 if there is no manager and nothing is sent.
 */
struct sd_notify {
	int socket;
};

#define SD_NOTIFY_NONE \
	{              \
		-1     \
	}

/**
 * sd_notify_open() - connect to NOTIFY_SOCKET and remove it from the environment, so that programs
 * that vmrun starts do not use it.
 * @sd_notify: must be closed with sd_notify_close().
 */
void sd_notify_open(struct sd_notify *sd_notify);

/**
 * sd_notify_send() - send assignments; errors are ignored.
 * @format: one assignment on each line: "READY=1\nSTATUS=...".
 */
void sd_notify_send(const struct sd_notify *sd_notify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void sd_notify_close(struct sd_notify *sd_notify);

#endif
