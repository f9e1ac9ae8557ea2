// SPDX-License-Identifier: GPL-2.0-or-later
// Any messages, whatever their types, to each reader of what the kernel tells by netlink.
#include <string.h>

#include "netsetup/interface.h"
#include "netsetup/nl.h"
#include "netsetup/wireless.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGES_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(struct nlmsghdr) char buffer[MESSAGES_MAX];
	struct interface link = { .ifname = "e0", .ifindex = 2 };
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	cleanup_interfaces struct interfaces table = { 0 };
	int left = (int)size;

	if (size > sizeof(buffer))
		return 0;
	memcpy(buffer, data, size);
	for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		interfaces_add_link(header, &table);
		interfaces_add_address(header, &table);
		interfaces_add_route(header, &table);
		wireless_add_interface(header, &table);
		wireless_add_network(header, &link);
		wireless_elements_ssid((uint8_t *)(header + 1), (size_t)nlmsg_datalen(header),
				       link.ssid);
		must(memchr(link.ssid, '\0', sizeof(link.ssid)));
	}
	return 0;
}
