// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the uplink's real DNS servers and search domains for the guest.
#include "launcher/lan/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/query.h"

/* Ample for resolv.conf(5); the rest of a larger file is ignored. */
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

/* Reads a file as NUL-terminated text; false if it cannot be read. */
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
	/* Drop the last line, which may be cut and name another server than the whole line. */
	if (used == FILE_SIZE_MAX)
		*(strrchr(text, '\n') ?: text) = '\0';
	return true;
}

/* Returns the rest of a line that begins with the keyword (resolv.conf(5)), or NULL. */
static char *line_after(char *line, const char *keyword)
{
	char *rest = line + strlen(keyword);

	if (strncmp(line, keyword, strlen(keyword)) != 0 || !*rest || !strchr(BLANKS, *rest))
		return NULL;
	return rest + strspn(rest, BLANKS);
}

static bool line_server(char *line, struct in_addr *server)
{
	char *word = line_after(line, "nameserver");
	struct in_addr address;

	if (!word)
		return false;
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

unsigned int dns_prefer(struct in_addr dns[DNS_MAX], unsigned int count, unsigned int uplink,
			struct in_addr router)
{
	struct in_addr others[DNS_MAX], first[DNS_MAX + 1];
	unsigned int near = 0, far = 0, ifindex, length;
	cleanup_nl_sock *route = NULL;
	struct error ignored;

	if (netlink_open(NETLINK_ROUTE, &route, &ignored) < 0)
		return count;
	for (unsigned int i = 0; i < count; i++) {
		if (query_lookup(route, dns[i], &ifindex, &length) == 0 && ifindex == uplink)
			first[near++] = dns[i];
		else
			others[far++] = dns[i];
	}
	if (near == 0 && !ipv4_unset(router) && !has_server(others, far, router))
		first[near++] = router;
	for (unsigned int i = 0; i < far && near < DNS_MAX; i++)
		first[near++] = others[i];
	memcpy(dns, first, near * sizeof(*dns));
	return near;
}

static bool has_domain(char search[][DNS_NAME_SIZE], unsigned int count, const char *domain)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!strcasecmp(search[i], domain))
			return true;
	}
	return false;
}

static unsigned int line_domains(char *line, char search[DNS_SEARCH_MAX][DNS_NAME_SIZE])
{
	unsigned int count = 0;
	char *word;

	while (count < DNS_SEARCH_MAX && (word = strsep(&line, BLANKS))) {
		const size_t size = strlen(word);

		if (size && word[size - 1] == '.')
			word[size - 1] = '\0';
		if (scalar_domain(word) && !has_domain(search, count, word))
			memcpy(search[count++], word, strlen(word) + 1);
	}
	return count;
}

static unsigned int text_domains(char *text, char search[DNS_SEARCH_MAX][DNS_NAME_SIZE])
{
	unsigned int count = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *domains = line_after(line, "search") ?: line_after(line, "domain");

		if (domains)
			count = line_domains(domains, search);
	}
	return count;
}

unsigned int dns_find_search(const char *root, char search[DNS_SEARCH_MAX][DNS_NAME_SIZE])
{
	cleanup_free char *text = malloc(FILE_SIZE_MAX + 1);
	cleanup_free char *copy = malloc(FILE_SIZE_MAX + 1);
	struct in_addr dns[DNS_MAX];
	unsigned int found = 0;

	for (size_t i = 0; text && copy && i < ARRAY_SIZE(files); i++) {
		if (!read_file(root, files[i], text))
			continue;
		memcpy(copy, text, strlen(text) + 1);
		if (text_servers(copy, dns))
			return text_domains(text, search);
		if (!found)
			found = text_domains(text, search);
	}
	return found;
}
