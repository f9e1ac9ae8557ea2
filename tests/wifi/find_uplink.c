// SPDX-License-Identifier: GPL-2.0-or-later
// Prints what uplink_find() finds where it runs, and how long it takes: find_uplink [IF].
#include <stdio.h>
#include <time.h>

#include "launcher/lan/uplink.h"
#include "launcher/lan/wireless.h"
#include "netsetup/base/ipv4.h"

#define RUNS 100

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	const char *ifname = argc > 1 ? argv[1] : NULL;
	char prefix[IPV4_TEXT_SIZE], router[IPV4_TEXT_SIZE];
	struct interface scanned = { 0 };
	struct uplink uplink;
	struct error err = { 0 };
	double start = now(), first;

	if (uplink_find(&(struct uplink_search){ .ifname = ifname }, &uplink, &err) < 0) {
		printf("%s\n%s\n", err.message, err.remedy);
		return (int)err.status;
	}
	first = now() - start;
	start = now();
	for (int i = 0; i < RUNS; i++)
		uplink_find(&(struct uplink_search){ .ifname = ifname }, &uplink, &err);
	/* The request that uplink_find() sends when the driver does not report the SSID. */
	scanned.ifindex = uplink.ifindex;
	wireless_find_ssid(&scanned, &err);
	printf("%s: %s via %s, mtu %u, %s, ssid '%s', scan '%s', %.3f ms, then %.3f ms\n",
	       uplink.ifname, ipv4_prefix_text(&uplink.prefix, prefix),
	       ipv4_text(uplink.router, router), uplink.mtu, uplink.wireless ? "wireless" : "wired",
	       uplink.ssid, scanned.ssid, first, (now() - start) / RUNS);
	return 0;
}
