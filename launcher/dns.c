// SPDX-License-Identifier: GPL-2.0-or-later
// The uplink's real DNS servers, which the guest can ask too.
#include "launcher/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netsetup/cleanup.h"
#include "netsetup/ipv4.h"

/* Ample for resolv.conf(5); what a larger file has beyond it is not looked at. */
#define FILE_SIZE_MAX 65536

#define BLANKS " \t\r\v\f"

/*
 * The first two list the servers behind systemd-resolved's and NetworkManager's stubs; the third
 * often names only the stub.
 */
static const char *const files[] = {
	"/run/systemd/resolve/resolv.conf",
	"/run/NetworkManager/no-stub-resolv.conf",
	"/etc/resolv.conf",
};

/* The text of a file, NUL-terminated; false when there is none to read. */
static bool read_file(const char *root, const char *file, char text[FILE_SIZE_MAX + 1])
{
	char path[PATH_MAX];
	cleanup_fd int fd = -1;
	size_t used = 0;
	struct stat st;

	if (snprintf(path, sizeof(path), "%s%s", root, file) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;

	while (used < FILE_SIZE_MAX) {
		ssize_t got = read(fd, text + used, FILE_SIZE_MAX - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += got;
	}
	text[used] = '\0';
	/* A line that was cut could name another server than the whole one. */
	if (used == FILE_SIZE_MAX)
		*(strrchr(text, '\n') ?: text) = '\0';
	return true;
}

/* The server that a line names; resolv.conf(5): the keyword begins the line. */
static bool line_server(char *line, struct in_addr *server)
{
	static const char keyword[] = "nameserver";
	char *word = line + strlen(keyword);
	struct in_addr address;

	if (strncmp(line, keyword, strlen(keyword)) != 0 || !*word || !strchr(BLANKS, *word))
		return false;
	word += strspn(word, BLANKS);
	word[strcspn(word, BLANKS)] = '\0';
	if (!ipv4_parse(word, &address) || !ipv4_unicast(address))
		return false;
	*server = address;
	return true;
}

static bool has_server(const struct in_addr *dns, unsigned int count, struct in_addr server)
{
	for (unsigned int i = 0; i < count; i++) {
		if (ipv4_equal(dns[i], server))
			return true;
	}
	return false;
}

static unsigned int text_servers(char *text, struct in_addr dns[DNS_MAX])
{
	unsigned int count = 0;
	struct in_addr server;
	char *line;

	while (count < DNS_MAX && (line = strsep(&text, "\n"))) {
		if (line_server(line, &server) && !has_server(dns, count, server))
			dns[count++] = server;
	}
	return count;
}

unsigned int dns_find(const char *root, struct in_addr router, struct in_addr dns[DNS_MAX])
{
	cleanup_free char *text = malloc(FILE_SIZE_MAX + 1);
	unsigned int count;

	for (size_t i = 0; text && i < ARRAY_SIZE(files); i++) {
		if (!read_file(root, files[i], text))
			continue;
		count = text_servers(text, dns);
		if (count)
			return count;
	}
	if (ipv4_unset(router))
		return 0;
	dns[0] = router;
	return 1;
}
