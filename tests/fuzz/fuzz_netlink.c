// SPDX-License-Identifier: GPL-2.0-or-later
// Any messages, whatever their types, to each reader of what the kernel tells by netlink.
#include <string.h>

#include "launcher/lan/network_events.h"
#include "launcher/lan/wireless.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/route.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct network_own own = { { 2, 3 } };
	struct interface link = { .ifname = "e0", .ifindex = 2 };
	/* Aligned, and it ends where the messages do. */
	cleanup_free void *buffer = malloc(size ? size : 1);
	struct nlmsghdr *header = buffer;
	cleanup_interfaces struct interfaces table = { 0 };
	int left = (int)size;

	must(buffer);
	memcpy(buffer, data, size);
	wireless_elements_ssid(data, size, link.ssid);
	for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		interface_add_link(header, &table);
		interface_add_address(header, &table);
		route_add(header, &table);
		network_events_classify(header, &own);
		wireless_add_interface(header, &table);
		wireless_add_network(header, &link);
		wireless_elements_ssid((uint8_t *)(header + 1), (size_t)nlmsg_datalen(header),
				       link.ssid);
		must(memchr(link.ssid, '\0', sizeof(link.ssid)));
	}
	return 0;
}
