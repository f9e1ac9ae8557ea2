// SPDX-License-Identifier: GPL-2.0-or-later
// Serves DHCP on an interface of a test's, as vmrun and the worker do together.
//
// usage: dhcp_serve INTERFACE KEY=VALUE...
//
// Reads further KEY=VALUE words, a line at a time, from its input: the server is configured anew.
// Ends with it. Writes a line for each packet: what it meant, and both packets in hexadecimal.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/lan/dhcp_server.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/dhcp_socket.h"
#include "netsetup/worker/dhcp_relay.h"

/* Messages that get no answer, as if they were lost. */
enum deaf {
	DEAF_NONE,
	DEAF_UNICAST,
	DEAF_ALL,
};

struct serving {
	struct dhcp_relay relay;
	int socket; /* the launcher's end of the DHCP socket */
	enum deaf deaf;
	struct dhcp_config config;
	struct dhcp_server server;
};

static const char *const event_names[] = {
	[DHCP_EVENT_NONE] = "none",         [DHCP_EVENT_OFFERED] = "offered",
	[DHCP_EVENT_BOUND] = "bound",       [DHCP_EVENT_EXTENDED] = "extended",
	[DHCP_EVENT_REFUSED] = "refused",   [DHCP_EVENT_DECLINED] = "declined",
	[DHCP_EVENT_RELEASED] = "released", [DHCP_EVENT_INFORMED] = "informed",
	[DHCP_EVENT_STRANGER] = "stranger",
};

static void quit(const char *what)
{
	fprintf(stderr, "dhcp_serve: %s\n", what);
	exit(2);
}

static struct in_addr address_of(const char *text)
{
	struct in_addr address = { INADDR_ANY };

	if (!ipv4_parse(text, &address))
		quit("not an address");
	return address;
}

static void set_mac(struct dhcp_config *config, const char *value)
{
	if (!ether_aton_r(value, &config->mac))
		quit("not a MAC");
}

static void set_address(struct dhcp_config *config, const char *value)
{
	config->address = address_of(value);
}

static void set_prefix_length(struct dhcp_config *config, const char *value)
{
	config->prefix_length = strtoul(value, NULL, 10);
}

static void set_gateway(struct dhcp_config *config, const char *value)
{
	config->gateway = address_of(value);
}

static void set_host(struct dhcp_config *config, const char *value)
{
	config->host = address_of(value);
}

static void set_dns(struct dhcp_config *config, const char *value)
{
	config->dns[0] = address_of(value);
	config->dns_count = 1;
}

static void set_mtu(struct dhcp_config *config, const char *value)
{
	config->mtu = strtoul(value, NULL, 10);
}

static void set_lease(struct dhcp_config *config, const char *value)
{
	config->lease = strtoul(value, NULL, 10);
}

static void set_hostname(struct dhcp_config *config, const char *value)
{
	snprintf(config->hostname, sizeof(config->hostname), "%s", value);
}

/* May be given more than once. */
static void set_search(struct dhcp_config *config, const char *value)
{
	if (config->search_count == DNS_SEARCH_MAX || !scalar_domain(value))
		quit("not a domain");
	memcpy(config->search[config->search_count++], value, strlen(value) + 1);
}

static const struct {
	const char *name;
	void (*set)(struct dhcp_config *config, const char *value);
} keys[] = {
	{ "mac", set_mac },
	{ "address", set_address },
	{ "prefix_length", set_prefix_length },
	{ "gateway", set_gateway },
	{ "host", set_host },
	{ "dns", set_dns },
	{ "mtu", set_mtu },
	{ "lease", set_lease },
	{ "hostname", set_hostname },
	{ "search", set_search },
};

static void set(struct serving *serving, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		quit("not KEY=VALUE");
	*value++ = '\0';
	if (!strcmp(word, "deaf")) {
		serving->deaf = strtoul(value, NULL, 10);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(word, keys[i].name)) {
			keys[i].set(&serving->config, value);
			return;
		}
	}
	quit("no such key");
}

static void print_packet(const struct dhcp_record *record)
{
	putchar(' ');
	for (uint32_t i = 0; i < record->size; i++)
		printf("%02x", record->packet[i]);
}

static void on_packet(struct serving *serving, const struct dhcp_record *query)
{
	char text[IPV4_TEXT_SIZE];
	struct dhcp_record reply;
	struct dhcp_event event;
	struct error err;
	int ret;

	/* The last octet of the destination: 255 is a broadcast, here. */
	if (serving->deaf == DEAF_ALL ||
	    (serving->deaf == DEAF_UNICAST && query->packet[19] != 0xff)) {
		puts("unheard");
		return;
	}
	ret = dhcp_server_answer(&serving->server, query, &reply, &event);
	printf("%s %s", ret < 0 ? "malformed" : event_names[event.type],
	       ipv4_text(event.address, text));
	print_packet(query);
	if (ret > 0) {
		print_packet(&reply);
		if (!dhcp_relay_check(&reply))
			quit("the worker would not send this");
		if (protocol_send(serving->socket, &reply, NULL, 0, &err) < 0)
			quit(err.message);
		dhcp_relay_from_client(&serving->relay);
	}
	putchar('\n');
}

/* One line of words; false at the end. */
static bool on_input(struct serving *serving)
{
	char line[512];
	char *rest = line;
	char *word;

	if (!fgets(line, sizeof(line), stdin))
		return false;
	while ((word = strsep(&rest, " \n"))) {
		if (*word)
			set(serving, word);
	}
	dhcp_server_configure(&serving->server, &serving->config);
	puts("configured");
	return true;
}

static bool receive(const struct serving *serving, union record *record)
{
	return recv(serving->socket, record, sizeof(*record), MSG_DONTWAIT) == sizeof(record->dhcp);
}

static void open_relay(struct serving *serving, const char *ifname)
{
	struct ifreq ifr = { 0 };
	struct error err;
	int sockets[2];

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) < 0 ||
	    ioctl(sockets[0], SIOCGIFHWADDR, &ifr) < 0)
		quit("no such interface");
	memcpy(&serving->relay.mac, ifr.ifr_hwaddr.sa_data, sizeof(serving->relay.mac));
	serving->relay.client = sockets[1];
	serving->socket = sockets[0];
	serving->relay.tap = dhcp_socket_open(if_nametoindex(ifname), &err);
	if (serving->relay.tap < 0)
		quit(err.message);
}

static void serve(struct serving *serving)
{
	struct pollfd pollers[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				    { .fd = serving->relay.tap, .events = POLLIN } };
	union record record;

	while (poll(pollers, ARRAY_SIZE(pollers), -1) >= 0) {
		if (pollers[0].revents && !on_input(serving))
			return;
		dhcp_relay_from_guest(&serving->relay);
		while (receive(serving, &record))
			on_packet(serving, &record.dhcp);
	}
}

int main(int argc, char *argv[])
{
	struct serving serving = { .config.lease = DHCP_LEASE_SECONDS };

	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		quit("which interface?");
	for (int i = 2; i < argc; i++)
		set(&serving, argv[i]);
	dhcp_server_init(&serving.server, &serving.config);
	open_relay(&serving, argv[1]);
	puts("serving");
	serve(&serving);
	return 0;
}
