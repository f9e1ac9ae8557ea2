// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the process that uses a port of this host.
#include "launcher/devices/port_user.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/printable.h"

/* The state of a socket that takes a port: TCP_LISTEN, or TCP_CLOSE for UDP, net/tcp_states.h. */
#define STATE_TCP 0x0a
#define STATE_UDP 0x07

/* Returns the inode of a table's socket on that port, or 0. */
static unsigned long find_socket(const char *table, unsigned long port, unsigned long state,
				 unsigned long *uid)
{
	char line[512], found_port[5], found_state[3], user[11], inode[21];
	cleanup_file FILE *file = fopen(table, "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line,
			   "%*s %*[0-9A-F]:%4[0-9A-F] %*s %2[0-9A-F] %*s %*s %*s %10[0-9] %*s "
			   "%20[0-9]",
			   found_port, found_state, user, inode) != 4 ||
		    strtoul(found_port, NULL, 16) != port ||
		    strtoul(found_state, NULL, 16) != state)
			continue;
		*uid = strtoul(user, NULL, 10);
		return strtoul(inode, NULL, 10);
	}
	return 0;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[64], wanted[64], link[64];
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		const ssize_t size = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);

		found = size > 0 && (size_t)size == strlen(wanted) &&
			!memcmp(link, wanted, (size_t)size);
	}
	if (fds)
		closedir(fds);
	return found;
}

/* Threat: a process chooses its own name. Check: printable() (test: test_port_forward.c). */
static void describe(const char *pid, char text[PORT_USER_TEXT_SIZE])
{
	char path[64], comm[32] = "?", name[PRINTABLE_SIZE(sizeof(comm))];
	cleanup_file FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	snprintf(text, PORT_USER_TEXT_SIZE, "'%s' (pid %.20s)", printable(comm, strlen(comm), name),
		 pid);
}

static bool find_process(unsigned long inode, char text[PORT_USER_TEXT_SIZE])
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (processes && !found && (entry = readdir(processes))) {
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			has_socket(entry->d_name, inode);
		if (found)
			describe(entry->d_name, text);
	}
	if (processes)
		closedir(processes);
	return found;
}

void port_user_find(const struct port *port, char text[PORT_USER_TEXT_SIZE])
{
	static const char *const tables[][2] = { { "/proc/net/tcp", "/proc/net/tcp6" },
						 { "/proc/net/udp", "/proc/net/udp6" } };
	unsigned long inode = 0, uid = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables[0]) && !inode; i++)
		inode = find_socket(tables[port->udp][i], port->host,
				    port->udp ? STATE_UDP : STATE_TCP, &uid);
	if (!inode)
		snprintf(text, PORT_USER_TEXT_SIZE, "another process");
	else if (!find_process(inode, text))
		snprintf(text, PORT_USER_TEXT_SIZE, "a process of user ID %lu", uid);
}
