// SPDX-License-Identifier: GPL-2.0-or-later
// Serves DHCP to one client, the guest (RFC 2131).
#include "launcher/lan/dhcp_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* The times of RFC 2131 section 4.4.5, as parts of the lease. */
#define T1(lease) ((lease) / 2)
#define T2(lease) ((uint32_t)((uint64_t)(lease)*7 / 8))

#define MTU_MIN 68 /* RFC 2132 section 5.1 */

#define REFUSAL "not this network's address for you"

/* True if the address is, or was, the server's. */
static bool server_address(const struct dhcp_server *server, struct in_addr address)
{
	if (ipv4_unset(address))
		return false;
	for (size_t i = 0; i < DHCP_FORMER_MAX; i++) {
		if (ipv4_equal(address, server->former[i]))
			return true;
	}
	return ipv4_equal(address, server->config.host);
}

/* The writers of options: each writes a value and returns its size, or 0 to omit the option. */

static size_t write_address(struct in_addr address, uint8_t *value)
{
	if (ipv4_unset(address))
		return 0;
	memcpy(value, &address, sizeof(address));
	return sizeof(address);
}

static size_t write_mask(const struct dhcp_config *config, uint8_t *value)
{
	return write_address(ipv4_mask(config->prefix_length), value);
}

static size_t write_router(const struct dhcp_config *config, uint8_t *value)
{
	return write_address(config->gateway, value);
}

static size_t write_dns(const struct dhcp_config *config, uint8_t *value)
{
	const size_t size = config->dns_count * sizeof(config->dns[0]);

	memcpy(value, config->dns, size);
	return size;
}

static size_t write_text(const char *text, size_t room, uint8_t *value)
{
	const size_t size = strnlen(text, room);

	memcpy(value, text, size);
	return size;
}

static size_t write_hostname(const struct dhcp_config *config, uint8_t *value)
{
	return write_text(config->hostname, sizeof(config->hostname), value);
}

static size_t write_domain(const struct dhcp_config *config, uint8_t *value)
{
	const char *own = config->search[0];

	return config->search_count ? write_text(own, sizeof(config->search[0]), value) : 0;
}

static size_t write_mtu(const struct dhcp_config *config, uint8_t *value)
{
	if (config->mtu < MTU_MIN || config->mtu > UINT16_MAX)
		return 0;
	value[0] = config->mtu >> 8;
	value[1] = config->mtu & 0xff;
	return 2;
}

static size_t write_broadcast(const struct dhcp_config *config, uint8_t *value)
{
	const struct prefix prefix = { config->address, config->prefix_length };

	return config->prefix_length <= 30 ? write_address(ipv4_prefix_broadcast(&prefix), value)
					   : 0;
}

/* Encodes a name by RFC 1035 section 3.1, not compressed. */
static size_t write_name(const char *name, uint8_t *value)
{
	size_t size = 0;

	for (const char *label = name; *label;) {
		const size_t length = strcspn(label, ".");

		value[size++] = length;
		memcpy(value + size, label, length);
		size += length;
		label += length + (label[length] == '.');
	}
	value[size++] = 0;
	return size;
}

/* RFC 3397; domains that do not fit into one option are left out. */
static size_t write_search(const struct dhcp_config *config, uint8_t *value)
{
	size_t size = 0;

	for (unsigned int i = 0; i < config->search_count; i++) {
		/* Encoding adds two octets: the first length and the final zero. */
		if (size + strlen(config->search[i]) + 2 <= DHCP_VALUE_MAX)
			size += write_name(config->search[i], value + size);
	}
	return size;
}

/*
 * RFC 3442. A client that supports this option ignores the router option; another client can reach
 * a router only in its own subnet. So the option is sent only if the gateway is outside the subnet,
 * with a route to the gateway.
 */
static size_t write_routes(const struct dhcp_config *config, uint8_t *value)
{
	const struct prefix prefix = { config->address, config->prefix_length };
	const struct in_addr gateway = config->gateway;
	const struct in_addr on_link = { INADDR_ANY };
	size_t size = 0;

	if (ipv4_unset(gateway) || ipv4_prefix_contains(&prefix, gateway))
		return 0;
	value[size++] = 32;
	memcpy(value + size, &gateway, sizeof(gateway));
	size += sizeof(gateway);
	memcpy(value + size, &on_link, sizeof(on_link));
	size += sizeof(on_link);
	value[size++] = 0;
	memcpy(value + size, &gateway, sizeof(gateway));
	return size + sizeof(gateway);
}

enum when {
	ALWAYS,
	UNSPECIFIED, /* if requested, or if the client sends no list of options */
	ASKED,       /* if requested */
};

static const struct option {
	uint8_t code;
	enum when when;
	size_t (*write)(const struct dhcp_config *config, uint8_t *value);
} options[] = {
	/* The mask must come before the router (RFC 2132 section 3.3). */
	{ DHCP_OPTION_MASK, ALWAYS, write_mask },
	{ DHCP_OPTION_ROUTER, ALWAYS, write_router },
	{ DHCP_OPTION_DNS, ALWAYS, write_dns },
	{ DHCP_OPTION_MTU, ALWAYS, write_mtu },
	{ DHCP_OPTION_HOSTNAME, UNSPECIFIED, write_hostname },
	{ DHCP_OPTION_DOMAIN, UNSPECIFIED, write_domain },
	{ DHCP_OPTION_BROADCAST, UNSPECIFIED, write_broadcast },
	{ DHCP_OPTION_SEARCH, ASKED, write_search },
	{ DHCP_OPTION_ROUTES, ASKED, write_routes },
	{ DHCP_OPTION_ROUTES_MICROSOFT, ASKED, write_routes },
};

static void add_option(const struct dhcp_config *config, const struct option *option,
		       struct dhcp_packet *packet)
{
	uint8_t value[DHCP_VALUE_MAX];
	const size_t size = option->write(config, value);

	if (size)
		dhcp_packet_add(packet, option->code, value, size);
}

/* Adds the options for every client first, so that they fit; then the requested ones, in the
 * client's order (RFC 2132 section 9.8). */
static void add_parameters(const struct dhcp_config *config, const struct dhcp_query *query,
			   struct dhcp_packet *packet)
{
	const enum when before = query->parameter_count ? ALWAYS : UNSPECIFIED;
	bool added[ARRAY_SIZE(options)] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(options) && options[i].when <= before; i++) {
		add_option(config, &options[i], packet);
		added[i] = true;
	}
	for (unsigned int asked = 0; asked < query->parameter_count; asked++) {
		for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
			if (options[i].code != query->parameters[asked] || added[i])
				continue;
			add_option(config, &options[i], packet);
			added[i] = true;
		}
	}
}

/*
 * Returns the server's identifier for a refusal: the address in the client's query or last lease,
 * which may be a former one. udhcpc ignores a refusal from any other server than its lease's.
 */
static struct in_addr refusal_server(const struct dhcp_server *server,
				     const struct dhcp_query *query)
{
	if (server_address(server, query->server))
		return query->server;
	if (server_address(server, query->destination))
		return query->destination;
	return ipv4_unset(server->last_host) ? server->config.host : server->last_host;
}

/* Begins a reply with the identifiers of the server and of the client (RFC 6842). */
static void begin_reply(const struct dhcp_server *server, const struct dhcp_query *query,
			enum dhcp_type type, struct dhcp_record *reply, struct dhcp_packet *packet)
{
	const unsigned int mtu = server->config.mtu;
	size_t limit = query->size_max;

	if (mtu && limit > mtu)
		limit = mtu;
	if (limit > DHCP_PACKET_MAX)
		limit = DHCP_PACKET_MAX;
	if (limit < DHCP_PACKET_MIN)
		limit = DHCP_PACKET_MIN;
	dhcp_packet_begin(packet, reply, query, type, limit);
	dhcp_packet_add_address(packet, DHCP_OPTION_SERVER,
				type == DHCP_NAK ? refusal_server(server, query)
						 : server->config.host);
	if (query->client_id_size)
		dhcp_packet_add(packet, DHCP_OPTION_CLIENT_ID, query->client_id,
				query->client_id_size);
}

/* Addresses a reply as the client can receive it (RFC 2131 section 4.1). */
static void set_destination(const struct dhcp_server *server, const struct dhcp_query *query,
			    struct dhcp_addresses *addresses)
{
	addresses->source = server->config.host;
	addresses->mac = query->chaddr;
	if (!ipv4_unset(query->ciaddr)) {
		addresses->destination = query->ciaddr;
	} else if (query->broadcast) {
		addresses->destination.s_addr = INADDR_BROADCAST;
		memset(&addresses->mac, 0xff, sizeof(addresses->mac));
	} else {
		addresses->destination = addresses->yiaddr;
	}
}

/* Writes an offer, or an acknowledgement with the lease. */
static int grant(struct dhcp_server *server, const struct dhcp_query *query, enum dhcp_type type,
		 struct dhcp_record *reply)
{
	const uint32_t lease = server->config.lease;
	struct dhcp_addresses addresses = { .yiaddr = server->config.address };
	struct dhcp_packet packet;

	if (type == DHCP_ACK)
		addresses.ciaddr = query->ciaddr;
	set_destination(server, query, &addresses);
	begin_reply(server, query, type, reply, &packet);
	dhcp_packet_add_u32(&packet, DHCP_OPTION_LEASE, lease);
	dhcp_packet_add_u32(&packet, DHCP_OPTION_T1, T1(lease));
	dhcp_packet_add_u32(&packet, DHCP_OPTION_T2, T2(lease));
	if (query->type == DHCP_DISCOVER && type == DHCP_ACK)
		dhcp_packet_add(&packet, DHCP_OPTION_RAPID_COMMIT, NULL, 0);
	add_parameters(&server->config, query, &packet);
	dhcp_packet_finish(&packet, &addresses);
	server->last_host = server->config.host;
	return 1;
}

/*
 * A refusal is broadcast, since the client may have no address that fits this network (RFC 2131
 * section 4.1). But a client that sent from its own address to the server's gets it by unicast:
 * while they renew, systemd-networkd and dhcpcd accept no broadcast and would keep their address
 * until they rebind.
 */
static int refuse(const struct dhcp_server *server, const struct dhcp_query *query,
		  struct dhcp_record *reply)
{
	struct dhcp_addresses addresses = { .source = server->config.host };
	struct dhcp_packet packet;

	if (!ipv4_unset(query->ciaddr) && ipv4_equal(query->source, query->ciaddr) &&
	    server_address(server, query->destination)) {
		addresses.destination = query->ciaddr;
		addresses.mac = query->chaddr;
	} else {
		addresses.destination.s_addr = INADDR_BROADCAST;
		memset(&addresses.mac, 0xff, sizeof(addresses.mac));
	}
	begin_reply(server, query, DHCP_NAK, reply, &packet);
	dhcp_packet_add(&packet, DHCP_OPTION_MESSAGE, REFUSAL, strlen(REFUSAL));
	dhcp_packet_finish(&packet, &addresses);
	return 1;
}

static int on_discover(struct dhcp_server *server, const struct dhcp_query *query,
		       struct dhcp_record *reply, struct dhcp_event *event)
{
	event->address = server->config.address;
	if (query->rapid_commit) {
		event->type = DHCP_EVENT_BOUND;
		return grant(server, query, DHCP_ACK, reply);
	}
	event->type = DHCP_EVENT_OFFERED;
	return grant(server, query, DHCP_OFFER, reply);
}

/*
 * RFC 2131 section 4.3.2. A request with a server's identifier accepts an offer (SELECTING);
 * without it, the client had the address before (INIT-REBOOT: option 50; RENEWING and REBINDING:
 * 'ciaddr'). An offer from a former address of the server is refused at once: without a reply the
 * client would repeat the request.
 */
static int on_request(struct dhcp_server *server, const struct dhcp_query *query,
		      struct dhcp_record *reply, struct dhcp_event *event)
{
	const bool selecting = !ipv4_unset(query->server);
	const bool extending = !selecting && !ipv4_unset(query->ciaddr);
	struct in_addr wanted = query->requested;

	if (selecting && !server_address(server, query->server))
		return 0;
	if (extending || ipv4_unset(wanted))
		wanted = query->ciaddr;
	if (ipv4_unset(wanted))
		return 0;
	event->address = wanted;
	if (!ipv4_equal(wanted, server->config.address) ||
	    (selecting && !ipv4_equal(query->server, server->config.host))) {
		event->type = DHCP_EVENT_REFUSED;
		return refuse(server, query, reply);
	}
	event->type = extending ? DHCP_EVENT_EXTENDED : DHCP_EVENT_BOUND;
	return grant(server, query, DHCP_ACK, reply);
}

/*
 * Handles a decline or a release, which get no reply. A decline without an address is for the only
 * one that the server has: dhcpcd 9 sends neither the address nor the server.
 */
static int on_notice(struct dhcp_server *server, const struct dhcp_query *query,
		     enum dhcp_event_type type, struct dhcp_event *event)
{
	struct in_addr address = query->ciaddr;

	if (type == DHCP_EVENT_DECLINED)
		address = ipv4_unset(query->requested) ? server->config.address : query->requested;
	if (!ipv4_equal(address, server->config.address) ||
	    (!ipv4_unset(query->server) && !server_address(server, query->server)))
		return 0;
	/* Reported once: a guest could fill a log with declines. */
	if (type == DHCP_EVENT_DECLINED && ipv4_equal(server->declined, address))
		return 0;
	if (type == DHCP_EVENT_DECLINED)
		server->declined = address;
	/* The guest may come with another MAC address now. */
	if (type == DHCP_EVENT_RELEASED)
		server->client_until = 0;
	event->type = type;
	event->address = address;
	return 0;
}

/* RFC 2131 section 4.3.5: an acknowledgement without a lease, to the client's own address. */
static int on_inform(const struct dhcp_server *server, const struct dhcp_query *query,
		     struct dhcp_record *reply, struct dhcp_event *event)
{
	struct dhcp_addresses addresses = { .ciaddr = query->ciaddr,
					    .source = server->config.host,
					    .mac = query->chaddr };
	struct dhcp_packet packet;

	/* Some clients do not fill in 'ciaddr'. */
	addresses.destination = ipv4_unset(query->ciaddr) ? query->source : query->ciaddr;
	if (!ipv4_unicast(addresses.destination))
		return 0;
	event->type = DHCP_EVENT_INFORMED;
	event->address = addresses.destination;
	begin_reply(server, query, DHCP_ACK, reply, &packet);
	add_parameters(&server->config, query, &packet);
	dhcp_packet_finish(&packet, &addresses);
	return 1;
}

static bool mac_equal(const struct ether_addr *a, const struct ether_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/*
 * True if the packet is of the guest's client, or of one that becomes it. A client behind the guest
 * would get the guest's own address; only the first one does, and one at a time.
 */
static bool is_client(struct dhcp_server *server, const struct dhcp_record *record,
		      const struct dhcp_query *query, struct dhcp_event *event)
{
	static const struct ether_addr none;
	const struct ether_addr *const mac = &query->chaddr;
	const bool own = mac_equal(mac, &server->config.mac);
	const bool asks = query->type == DHCP_DISCOVER || query->type == DHCP_REQUEST;

	if (!query->ethernet || mac_equal(mac, &none) || mac->ether_addr_octet[0] & 1)
		return false;
	if (!own && !mac_equal(mac, &server->client) &&
	    (!asks || server->config.now < server->client_until || !mac_equal(mac, &record->mac)))
		return false;
	if (!asks)
		return true;
	event->adopted = !mac_equal(mac, &server->client) &&
			 (!own || !mac_equal(&server->client, &none));
	server->client = *mac;
	server->client_until = server->config.now + server->config.lease;
	return true;
}

/* True if the packet is the guest's and for this server, and was not relayed. */
static bool served(struct dhcp_server *server, const struct dhcp_record *record,
		   const struct dhcp_query *query, struct dhcp_event *event)
{
	const struct prefix prefix = { server->config.address, server->config.prefix_length };
	const struct in_addr to = query->destination;

	if (ipv4_unset(server->config.address) || ipv4_unset(server->config.host) ||
	    !server->config.prefix_length || !ipv4_unset(query->giaddr))
		return false;
	if (to.s_addr != INADDR_BROADCAST && !ipv4_equal(to, ipv4_prefix_broadcast(&prefix)) &&
	    !server_address(server, to))
		return false;
	if (is_client(server, record, query, event))
		return true;
	if (!server->other_seen) {
		event->type = DHCP_EVENT_STRANGER;
		event->mac = query->ethernet ? query->chaddr : record->mac;
		server->other_seen = true;
	}
	return false;
}

int dhcp_server_answer(struct dhcp_server *server, const struct dhcp_record *query,
		       struct dhcp_record *reply, struct dhcp_event *event)
{
	struct dhcp_query parsed;
	int ret;

	*event = (struct dhcp_event){ .type = DHCP_EVENT_NONE, .mac = query->mac };
	ret = dhcp_packet_parse(query, &parsed);
	if (ret < 0)
		return ret;
	if (!served(server, query, &parsed, event))
		return 0;
	switch ((enum dhcp_type)parsed.type) {
	case DHCP_DISCOVER:
		return on_discover(server, &parsed, reply, event);
	case DHCP_REQUEST:
		return on_request(server, &parsed, reply, event);
	case DHCP_DECLINE:
		return on_notice(server, &parsed, DHCP_EVENT_DECLINED, event);
	case DHCP_RELEASE:
		return on_notice(server, &parsed, DHCP_EVENT_RELEASED, event);
	case DHCP_INFORM:
		return on_inform(server, &parsed, reply, event);
	case DHCP_OFFER:
	case DHCP_ACK:
	case DHCP_NAK:
		break;
	}
	return 0;
}

void dhcp_server_init(struct dhcp_server *server, const struct dhcp_config *config)
{
	*server = (struct dhcp_server){ .other_seen = false };
	dhcp_server_configure(server, config);
}

void dhcp_server_configure(struct dhcp_server *server, const struct dhcp_config *config)
{
	const struct in_addr old = server->config.host;

	assert(config->prefix_length <= 32);
	assert(config->dns_count <= DNS_MAX && config->search_count <= DNS_SEARCH_MAX);
	assert(config->lease >= DHCP_LEASE_MIN);
	if (!ipv4_unset(old) && !ipv4_equal(old, config->host)) {
		memmove(server->former + 1, server->former,
			sizeof(server->former) - sizeof(server->former[0]));
		server->former[0] = old;
	}
	server->config = *config;
}
