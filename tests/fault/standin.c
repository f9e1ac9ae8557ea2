// SPDX-License-Identifier: GPL-2.0-or-later
// Stands in for QEMU in fault tests: speaks QMP on descriptor 3, then powers off.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QMP_FD 3

static const char greeting[] = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n";
static const char shutdown_event[] = "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, "
				     "\"reason\": \"guest-shutdown\"}, "
				     "\"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n";

static void say(const char *text)
{
	send(QMP_FD, text, strlen(text), MSG_NOSIGNAL);
}

static void power_off(void)
{
	say(shutdown_event);
	exit(0);
}

/* Answers one command, which has its id as vmrun writes it. */
static void answer(const char *line)
{
	const char *id = strstr(line, "\"id\":");
	char text[64];

	snprintf(text, sizeof(text), "{\"return\": {}, \"id\": %d}\n", id ? atoi(id + 5) : 0);
	say(text);
	if (strstr(line, "\"quit\"") || strstr(line, "\"system_powerdown\""))
		power_off();
}

/* "-life MS" among the arguments: so long after the first command it powers off. */
static int lifetime(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "-life"))
			return atoi(argv[i + 1]);
	return -1;
}

int main(int argc, char **argv)
{
	struct pollfd poller = { .fd = QMP_FD, .events = POLLIN };
	FILE *input = fdopen(dup(QMP_FD), "r");
	char line[4096];

	if (!input)
		return 1;
	setvbuf(input, NULL, _IONBF, 0);
	say(greeting);
	if (!fgets(line, sizeof(line), input))
		return 1;
	answer(line);
	while (poll(&poller, 1, lifetime(argc, argv)) > 0) {
		if (!fgets(line, sizeof(line), input))
			return 0;
		answer(line);
	}
	power_off();
}
