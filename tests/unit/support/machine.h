// SPDX-License-Identifier: GPL-2.0-or-later
// Makes an ordinary definition and plan, for tests to change.
#ifndef TESTS_UNIT_SUPPORT_MACHINE_H
#define TESTS_UNIT_SUPPORT_MACHINE_H

#include <arpa/inet.h>
#include <string.h>

#include "launcher/definition/machine_plan.h"

/* struct machine - the input of qemu_build(). */
struct machine {
	struct definition definition;
	struct lan_place lan;
	struct machine_plan plan;
};

/* The texts are literals: definition_done() must not be called. */
static inline void machine_init(struct machine *machine)
{
	*machine = (struct machine){
		.definition = {
			.name = "web",
			.cpus.count = 2,
			.memory = UINT64_C(512) << 20,
			.machine.type = (char *)"q35",
			.network = {
				.type = NETWORK_NONE,
				.model = (char *)"virtio",
				.mac = { { 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef } },
			},
			.rng = true,
			.qemu.binary = (char *)"qemu-system-x86_64",
		},
		.lan = {
			.uplink = "wlan0",
			.tap = "vmr-web",
			.address.s_addr = inet_addr("192.168.1.10"),
			.prefix_length = 24,
			.router.s_addr = inet_addr("192.168.1.1"),
			.gateway.s_addr = inet_addr("192.168.1.1"),
			.mtu = 1500,
			.queues = 1,
		},
		.plan = { .accel = ACCEL_TCG, .cards[0].queues = 1, .console = CONSOLE_NONE },
	};
	uuid_parse("0d1e2f30-4152-5374-8596-a7b8c9dadbec", machine->definition.uuid);
	machine->plan.definition = &machine->definition;
}

/* Attaches the machine to the LAN; @configure: enum configure. */
static inline void machine_join(struct machine *machine, unsigned int configure)
{
	machine->definition.network.type = NETWORK_LAN;
	machine->definition.network.configure = configure;
	machine->plan.cards[0].lan = &machine->lan;
	machine->plan.cards[0].dns[0].s_addr = inet_addr("192.168.1.1");
	machine->plan.cards[0].dns[1].s_addr = inet_addr("9.9.9.9");
	machine->plan.cards[0].dns[2].s_addr = inet_addr("8.8.8.8");
	machine->plan.cards[0].dns_count = 3;
}

/* Adds a disk that QEMU opens without an overlay. */
static inline void machine_add_disk(struct machine *machine, const char *path, enum disk_mode mode,
				    enum disk_format format)
{
	unsigned int i = machine->definition.disk_count++;

	machine->definition.disks[i] = (struct disk){
		.image = (char *)path,
		.mode = mode,
	};
	machine->plan.disk_paths[i] = path;
	machine->plan.disk_formats[i] = format;
}

#endif
