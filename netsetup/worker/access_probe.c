// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if the access point passes a second address of this station.
#include "netsetup/worker/access_probe.h"

#include <errno.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/access_socket.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/worker/sample.h"

/* Frames of one turn. */
#define TURN_MAX 64

/* Requests of the router that are answered. Threat: a station sends many in its name. */
#define ANSWERS_MAX 2

static const struct in_addr nothing = { INADDR_ANY };

static void send_ping(const struct access_probe *probe, struct in_addr from)
{
	const struct sample_ends ends = { probe->router_mac, probe->mac, from, probe->router };
	uint8_t frame[SAMPLE_SIZE_MAX];
	const size_t size = sample_build(&ends, sample_number(VERDICT_OUT, VERDICT_ECHO), frame);

	/* An interface that is down sends nothing, and the result is unknown. */
	(void)send(probe->socket, frame, size, MSG_DONTWAIT);
}

static void send_request(const struct access_probe *probe, struct in_addr from)
{
	const struct arp request = { .operation = ARPOP_REQUEST,
				     .sender_mac = probe->mac,
				     .sender = from,
				     .target_mac = probe->router_mac,
				     .target = probe->router };
	struct error ignored;

	arp_send(probe->socket, &request, &ignored);
}

void access_probe_start(struct access_probe *probe, uint64_t now)
{
	struct error ignored;

	probe->step = ACCESS_PROBE_FIRST;
	probe->deadline = now + ACCESS_PROBE_HOLD_MS;
	/* Without a filter that passes its frames, the result is unknown. */
	if (access_socket_listen(probe->socket, probe->address, probe->router, &ignored) == 0)
		send_ping(probe, probe->address);
}

bool access_probe_holds(const struct access_probe *probe, struct in_addr address)
{
	return probe->step == ACCESS_PROBE_FIRST && !probe->asked && !probe->answered &&
	       ipv4_equal(probe->address, address);
}

static void apply_arp(struct access_probe *probe, const struct arp *arp)
{
	const bool router = ipv4_equal(arp->sender, probe->router);

	/* An access point repeats broadcasts of this station. */
	if (!memcmp(&arp->sender_mac, &probe->mac, sizeof(probe->mac)))
		return;
	if (arp->operation == ARPOP_REPLY && router) {
		probe->found = probe->found || ipv4_equal(arp->target, probe->address);
		probe->host_found = probe->host_found || ipv4_equal(arp->target, probe->host);
	}
	if (arp->operation != ARPOP_REQUEST || !ipv4_equal(arp->target, probe->address))
		return;
	probe->asked = true;
	if (router && probe->answers < ANSWERS_MAX) {
		const struct arp answer = arp_answer(&probe->mac, probe->address, arp);
		struct error ignored;

		arp_send(probe->socket, &answer, &ignored);
		probe->answers++;
	}
}

/* Returns true if the packet is an echo reply of the router; @size bytes of it are there. */
static bool is_echo_reply(const struct access_probe *probe, const uint8_t *packet, size_t size,
			  struct in_addr *target)
{
	struct iphdr ip;
	size_t length;

	if (size < sizeof(ip))
		return false;
	memcpy(&ip, packet, sizeof(ip));
	length = ip.ihl * 4u;
	if (ip.version != 4 || length < sizeof(ip) || size <= length ||
	    ip.protocol != IPPROTO_ICMP || ip.frag_off & htons(IP_OFFMASK) ||
	    ip.saddr != probe->router.s_addr || packet[length] != ICMP_ECHOREPLY)
		return false;
	target->s_addr = ip.daddr;
	return true;
}

static void apply_echo_reply(struct access_probe *probe, struct in_addr target, uint64_t now)
{
	if (ipv4_equal(target, probe->address))
		probe->answered = true;
	if (!ipv4_equal(target, probe->host) || probe->step != ACCESS_PROBE_SECOND)
		return;
	if (now - probe->second_at < ACCESS_PROBE_HOLD_MS)
		probe->host_answered = true;
	else
		probe->host_late = true;
}

void access_probe_apply(struct access_probe *probe, const uint8_t *frame, size_t size, uint64_t now)
{
	struct ether_header ethernet;
	struct in_addr target;
	struct arp arp;

	if (size < sizeof(ethernet))
		return;
	memcpy(&ethernet, frame, sizeof(ethernet));
	frame += sizeof(ethernet);
	size -= sizeof(ethernet);
	if (ethernet.ether_type == htons(ETHERTYPE_ARP) && arp_parse(frame, size, &arp) == 0)
		apply_arp(probe, &arp);
	else if (ethernet.ether_type == htons(ETHERTYPE_IP) &&
		 is_echo_reply(probe, frame, size, &target))
		apply_echo_reply(probe, target, now);
}

void access_probe_receive(struct access_probe *probe, uint64_t now)
{
	for (int i = 0; i < TURN_MAX && probe->socket >= 0; i++) {
		uint8_t frame[ACCESS_SOCKET_SIZE];
		const ssize_t size = recv(probe->socket, frame, sizeof(frame), MSG_DONTWAIT);

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* It would wake the process again and again. */
		if (size < 0 && errno != ENETDOWN) {
			close(probe->socket);
			probe->socket = -1;
		}
		if (size >= 0 && probe->step < ACCESS_PROBE_RESULT)
			access_probe_apply(probe, frame, (size_t)size, now);
	}
}

/* Begins the second round. The router learns the address, unless its packets are dropped. */
static void send_second(struct access_probe *probe, uint64_t now)
{
	probe->step = ACCESS_PROBE_SECOND;
	probe->second_at = now;
	probe->deadline = now + ACCESS_PROBE_WAIT_MS;
	send_request(probe, probe->address);
	send_ping(probe, probe->address);
	send_request(probe, probe->host);
	send_ping(probe, probe->host);
}

static enum access_result judge(const struct access_probe *probe)
{
	if (probe->answered && probe->asked)
		return ACCESS_OPEN;
	/* Before the announcement, or in a network so slow that it may have been. */
	if (probe->answered)
		return probe->host_answered ? ACCESS_HIDDEN : ACCESS_ANSWERED;
	if (probe->host_answered || probe->host_late)
		return ACCESS_REFUSED;
	/* A router that answers no ping. */
	return probe->host_found && !probe->found ? ACCESS_REFUSED : ACCESS_UNKNOWN;
}

static bool finish(struct access_probe *probe)
{
	probe->step = ACCESS_PROBE_RESULT;
	probe->result = judge(probe);
	return true;
}

bool access_probe_step(struct access_probe *probe, uint64_t now)
{
	switch (probe->step) {
	case ACCESS_PROBE_NONE:
		break;
	case ACCESS_PROBE_FIRST:
		if (probe->answered)
			return finish(probe);
		if (now < probe->deadline)
			break;
		probe->step = ACCESS_PROBE_ANNOUNCED;
		probe->deadline = now;
		break;
	case ACCESS_PROBE_ANNOUNCED:
		send_second(probe, now);
		break;
	case ACCESS_PROBE_SECOND:
		if ((probe->answered && probe->asked) || now >= probe->deadline)
			return finish(probe);
		break;
	case ACCESS_PROBE_RESULT:
		return now >= probe->deadline;
	case ACCESS_PROBE_OVER:
		if (now >= probe->deadline)
			access_probe_close(probe);
		break;
	}
	return false;
}

void access_probe_end(struct access_probe *probe, uint64_t now)
{
	struct error ignored;

	if (probe->socket < 0)
		return access_probe_close(probe);
	access_socket_listen(probe->socket, nothing, nothing, &ignored);
	probe->step = ACCESS_PROBE_OVER;
	probe->deadline = now + ACCESS_PROBE_CLOSE_MS;
}

void access_probe_close(struct access_probe *probe)
{
	if (probe->socket >= 0)
		close(probe->socket);
	*probe = (struct access_probe)ACCESS_PROBE_CLOSED;
}
