// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the text of the QEMU command: its options, their order, and refused values.
#include <errno.h>
#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/definition/machine.h"
#include "launcher/qemu/qemu.h"
#include "launcher/qemu/qemu_fd.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/machine.h"

static struct argv build(const struct machine *machine)
{
	struct argv argv = { 0 };
	struct error err = { 0 };

	if (qemu_build(&machine->plan, &argv, &err))
		fail_msg("%s", err.message);
	assert_int_equal(argv.failed, 0);
	return argv;
}

/* Returns the @n-th value (from 0) of an option, or NULL. */
static const char *option(const struct argv *argv, const char *name, unsigned int n)
{
	for (size_t i = 0; i + 1 < argv->count; i++) {
		if (!strcmp(argv->items[i], name) && n-- == 0)
			return argv->items[i + 1];
	}
	return NULL;
}

static void assert_option(const struct argv *argv, const char *name, unsigned int n,
			  const char *expected)
{
	const char *value = option(argv, name, n);

	assert_non_null(value);
	assert_string_equal(value, expected);
}

static bool has(const struct argv *argv, const char *text)
{
	for (size_t i = 0; i < argv->count; i++) {
		if (strstr(argv->items[i], text))
			return true;
	}
	return false;
}

static void assert_refused(const struct machine *machine, const char *names)
{
	struct argv argv = { 0 };
	struct error err = { 0 };

	assert_int_equal(qemu_build(&machine->plan, &argv, &err), -EINVAL);
	assert_int_equal(err.status, STATUS_DEFINITION);
	if (!strstr(err.message, names))
		fail_msg("%s", err.message);
	assert_null(argv.items);
}

static void test_small(void **state)
{
	cleanup_free char *line = NULL;
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	argv = build(&machine);
	line = argv_quoted(&argv);
	assert_string_equal(
		line,
		"qemu-system-x86_64 -nodefaults -no-user-config -name guest=web,debug-threads=on "
		"-uuid 0d1e2f30-4152-5374-8596-a7b8c9dadbec -machine q35,accel=tcg -cpu max "
		"-smp 2 -m 512M -boot strict=on -chardev socket,id=qmp,fd=3 "
		"-qmp chardev:qmp -sandbox "
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny "
		"-serial none -nic none -device virtio-rng-pci -display none");
	argv_done(&argv);
}

static void test_machine(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.plan.accel = ACCEL_KVM;
	machine.definition.machine.firmware.file = (char *)"/usr/share/a,b c/OVMF.fd";
	argv = build(&machine);
	assert_option(&argv, "-machine", 0, "q35,accel=kvm");
	assert_option(&argv, "-cpu", 0, "host");
	assert_option(&argv, "-bios", 0, "/usr/share/a,b c/OVMF.fd");
	argv_done(&argv);

	machine.definition.machine.type = (char *)"microvm";
	machine.definition.machine.cpu = (char *)"host,-avx2";
	argv = build(&machine);
	assert_option(&argv, "-machine", 0, "microvm,accel=kvm,pcie=on");
	assert_option(&argv, "-cpu", 0, "host,-avx2");
	argv_done(&argv);

	machine.definition.machine.type = (char *)"q35,smm=off";
	assert_refused(&machine, "'machine.type'");
	machine.definition.machine.type = (char *)"";
	assert_refused(&machine, "'machine.type'");
	machine.definition.machine.type = (char *)"-daemonize";
	assert_refused(&machine, "'machine.type'");
	machine.definition.machine.type = (char *)"pc";
	machine.definition.machine.cpu = (char *)"a\nb";
	assert_refused(&machine, "'machine.cpu'");
}

static void test_clock_and_topology(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.cpus = (struct cpus){ 8, { 1, 4, 2 } };
	machine.definition.rtc = RTC_LOCALTIME;
	argv = build(&machine);
	assert_option(&argv, "-smp", 0, "8,sockets=1,cores=4,threads=2");
	assert_option(&argv, "-rtc", 0, "base=localtime");
	argv_done(&argv);
}

static void test_disk_devices(void **state)
{
	static const enum disk_device devices[] = { DISK_SATA, DISK_CDROM, DISK_SCSI, DISK_SCSI,
						    DISK_NVME };
	static const char *const expected[] = { "virtio-rng-pci",
						"ide-hd,drive=disk0,bus=ide.0,bootindex=0",
						"ide-cd,drive=disk1,bus=ide.1,bootindex=1",
						"virtio-scsi-pci,id=scsi",
						"scsi-hd,drive=disk2",
						"scsi-hd,drive=disk3",
						"nvme,drive=disk4,serial=disk4" };
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		machine_add_disk(&machine, "/a.raw", DISK_READONLY, DISK_FORMAT_RAW);
		machine.definition.disks[i].device = devices[i];
	}
	argv = build(&machine);
	for (unsigned int i = 0; i < ARRAY_SIZE(expected); i++)
		assert_option(&argv, "-device", i, expected[i]);
	argv_done(&argv);

	machine.definition.machine.type = (char *)"pc-i440fx-7.2";
	machine.definition.disks[2].device = DISK_SATA;
	argv = build(&machine);
	assert_option(&argv, "-device", 2, "ide-cd,drive=disk1,bus=ide.0,unit=1,bootindex=1");
	assert_option(&argv, "-device", 3, "ide-hd,drive=disk2,bus=ide.1,unit=0");
	argv_done(&argv);

	machine.definition.machine.type = (char *)"virt";
	machine.definition.boot.kernel = (char *)"/k";
	machine.definition.disk_count = 2;
	machine.definition.disks[0].device = DISK_VIRTIO;
	argv = build(&machine);
	assert_option(&argv, "-device", 1, "virtio-blk-pci,drive=disk0");
	assert_option(&argv, "-device", 2, "virtio-scsi-pci,id=scsi");
	assert_option(&argv, "-device", 3, "scsi-cd,drive=disk1");
	argv_done(&argv);
}

static void test_uefi(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.machine.firmware.uefi = true;
	machine.plan.uefi_code = "/usr/share/a,b \"c/CODE.fd";
	machine.plan.uefi_code_format = DISK_FORMAT_RAW;
	machine.plan.uefi_variables = "/home/me/vars";
	machine.plan.uefi_variables_format = DISK_FORMAT_QCOW2;
	argv = build(&machine);
	assert_option(&argv, "-machine", 0,
		      "q35,accel=tcg,pflash0=uefi-code,pflash1=uefi-variables");
	assert_option(&argv, "-blockdev", 0,
		      "{\"driver\":\"raw\",\"node-name\":\"uefi-code\",\"read-only\":true,"
		      "\"file\":{\"driver\":\"file\",\"filename\":"
		      "\"/usr/share/a,b \\\"c/CODE.fd\"}}");
	assert_option(&argv, "-blockdev", 1,
		      "{\"driver\":\"qcow2\",\"node-name\":\"uefi-variables\",\"read-only\":false,"
		      "\"file\":{\"driver\":\"file\",\"filename\":\"/home/me/vars\"}}");
	assert_null(option(&argv, "-bios", 0));
	assert_null(option(&argv, "-global", 0));
	argv_done(&argv);

	machine.definition.machine.secure_boot = true;
	argv = build(&machine);
	assert_option(&argv, "-machine", 0,
		      "q35,accel=tcg,smm=on,pflash0=uefi-code,pflash1=uefi-variables");
	assert_option(&argv, "-global", 0, "driver=cfi.pflash01,property=secure,value=on");
	assert_option(&argv, "-global", 1, "ICH9-LPC.disable_s3=1");
	argv_done(&argv);

	machine.plan.uefi_variables = "/home/a\nb/vars";
	assert_refused(&machine, "'machine.firmware'");
}

static void test_tpm(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.machine.tpm = true;
	argv = build(&machine);
	assert_true(has(&argv, "socket,id=tpm,fd="));
	assert_option(&argv, "-tpmdev", 0, "emulator,id=tpm,chardev=tpm");
	assert_true(has(&argv, "tpm-crb,tpmdev=tpm"));
	argv_done(&argv);

	machine.definition.qemu.binary = (char *)"/opt/bin/qemu-system-aarch64";
	argv = build(&machine);
	assert_true(has(&argv, "tpm-tis-device,tpmdev=tpm"));
	argv_done(&argv);
}

static void test_boot(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE);
	machine_add_disk(&machine, "/a.raw", DISK_DIRECT, DISK_FORMAT_RAW);
	machine.definition.boot.kernel = (char *)"/boot/vm linuz,x=y";
	machine.definition.boot.initrd = (char *)"/boot/initrd,img";
	machine.definition.boot.cmdline = (char *)"a=\"b,c\" -display gtk";
	argv = build(&machine);
	assert_option(&argv, "-kernel", 0, "/boot/vm linuz,x=y");
	assert_option(&argv, "-initrd", 0, "/boot/initrd,img");
	assert_option(&argv, "-append", 0,
		      "a=\"b,c\" -display gtk ip=192.168.1.10::192.168.1.1:255.255.255.0:web::off:"
		      "192.168.1.1:9.9.9.9");
	assert_option(&argv, "-device", 2, "virtio-blk-pci,drive=disk0");
	assert_null(option(&argv, "-boot", 0));
	argv_done(&argv);

	machine.definition.boot.cmdline = (char *)"a\nb";
	assert_refused(&machine, "'boot.cmdline'");
	machine.definition.boot.cmdline = NULL;
	machine.definition.boot.initrd = (char *)"/\xff";
	assert_refused(&machine, "'boot.initrd'");
	machine.definition.boot.kernel = (char *)"/\x1b[2J";
	assert_refused(&machine, "'boot.kernel'");
}

/* Compares the string at a JSON pointer of the @n-th -blockdev. */
static void assert_node(const struct argv *argv, unsigned int n, const char *pointer,
			const char *expected)
{
	struct json_object *root = json_tokener_parse(option(argv, "-blockdev", n));
	struct json_object *value = NULL;

	assert_non_null(root);
	assert_int_equal(json_pointer_get(root, pointer, &value), 0);
	assert_string_equal(value ? json_object_get_string(value) : "null", expected);
	json_object_put(root);
}

static void test_disks(void **state)
{
	static const char nasty[] = "/a,b=c \"d\" 'e' \\f {g} ü/x,,y.qcow2";
	struct json_object *root, *value;
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_add_disk(&machine, nasty, DISK_OVERLAY, DISK_FORMAT_QCOW2);
	machine_add_disk(&machine, "/b.raw", DISK_READONLY, DISK_FORMAT_RAW);
	machine_add_disk(&machine, "/dev/sdz", DISK_DIRECT, DISK_FORMAT_RAW);
	machine_add_disk(&machine, "/d.qcow2", DISK_DIRECT, DISK_FORMAT_QCOW2);
	machine.plan.disk_devices[2] = true;
	machine.plan.seed = true;
	argv = build(&machine);

	assert_node(&argv, 0, "/driver", "qcow2");
	assert_node(&argv, 0, "/file/filename", nasty);
	assert_node(&argv, 0, "/file/driver", "file");
	assert_node(&argv, 0, "/read-only", "false");
	assert_node(&argv, 0, "/discard", "unmap");
	assert_option(&argv, "-device", 1, "virtio-blk-pci,drive=disk0,bootindex=0");
	assert_option(&argv, "-blockdev", 1,
		      "{\"driver\":\"raw\",\"node-name\":\"disk1\",\"read-only\":true,"
		      "\"file\":{\"driver\":\"file\",\"filename\":\"/b.raw\"}}");
	assert_node(&argv, 1, "/driver", "raw");
	assert_node(&argv, 1, "/read-only", "true");
	assert_option(&argv, "-device", 2, "virtio-blk-pci,drive=disk1");
	assert_node(&argv, 2, "/file/driver", "host_device");
	assert_node(&argv, 3, "/backing", "null");
	/* An overlay needs its backing file. */
	root = json_tokener_parse(option(&argv, "-blockdev", 0));
	assert_false(json_object_object_get_ex(root, "backing", &value));
	json_object_put(root);

	/* The seed is the last disk, so that the others keep their letters. */
	assert_option(&argv, "-add-fd", 0, "fd=5,set=1");
	assert_node(&argv, 4, "/file/filename", "/dev/fdset/1");
	assert_node(&argv, 4, "/read-only", "true");
	assert_option(&argv, "-device", 5, "virtio-blk-pci,drive=seed");
	argv_done(&argv);

	machine.plan.disk_paths[1] = "/a\nb";
	assert_refused(&machine, "'disks[1].image'");
	machine.plan.disk_paths[1] = "/a\xc3";
	assert_refused(&machine, "'disks[1].image'");
}

static void test_serial_and_cache(void **state)
{
	static const struct {
		enum disk_cache cache;
		const char *node, *device;
	} modes[] = {
		{ DISK_CACHE_WRITEBACK, "\"discard\":\"unmap\",\"file\"", "" },
		{ DISK_CACHE_NONE, "\"cache\":{\"direct\":true,\"no-flush\":false}", "" },
		{ DISK_CACHE_WRITETHROUGH, "\"discard\":\"unmap\",\"file\"", ",write-cache=off" },
		{ DISK_CACHE_DIRECTSYNC, "\"cache\":{\"direct\":true,\"no-flush\":false}",
		  ",write-cache=off" },
		{ DISK_CACHE_UNSAFE, "\"cache\":{\"direct\":false,\"no-flush\":true}", "" },
	};
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_add_disk(&machine, "/a.raw", DISK_DIRECT, DISK_FORMAT_RAW);
	machine.definition.disks[0].device = DISK_NVME;
	machine.definition.disks[0].serial = (char *)"A-1";
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char device[80];

		snprintf(device, sizeof(device), "nvme,drive=disk0,serial=A-1%s,bootindex=0",
			 modes[i].device);
		machine.definition.disks[0].cache = modes[i].cache;
		argv = build(&machine);
		assert_true(has(&argv, modes[i].node));
		assert_option(&argv, "-device", 1, device);
		argv_done(&argv);
	}
}

/* Builds the command of a machine with a disk and a CD-ROM, and compares their boot options. */
static void expect_boot(const struct machine *machine, const char *disk, const char *cdrom)
{
	struct argv argv = build(machine);
	char device[80];

	snprintf(device, sizeof(device), "virtio-blk-pci,drive=disk0%s", disk);
	assert_option(&argv, "-device", 1, device);
	snprintf(device, sizeof(device), "ide-cd,drive=disk1,bus=ide.0%s", cdrom);
	assert_option(&argv, "-device", 2, device);
	argv_done(&argv);
}

static void test_boot_order(void **state)
{
	struct machine machine;

	machine_init(&machine);
	machine_add_disk(&machine, "/a.raw", DISK_DIRECT, DISK_FORMAT_RAW);
	machine_add_disk(&machine, "/b.iso", DISK_READONLY, DISK_FORMAT_RAW);
	machine.definition.disks[1].device = DISK_CDROM;
	expect_boot(&machine, ",bootindex=0", ",bootindex=1");
	machine.definition.boot.once = BOOT_CDROM;
	expect_boot(&machine, ",bootindex=16", ",id=once1,bootindex=1");
	machine.definition.boot.order[0] = BOOT_CDROM;
	machine.definition.boot.order_count = 1;
	machine.definition.boot.once = BOOT_DISK;
	expect_boot(&machine, ",id=once0,bootindex=0", ",bootindex=17");
	machine.definition.boot.order[1] = BOOT_DISK;
	machine.definition.boot.order_count = 2;
	machine.definition.boot.once = BOOT_USUAL;
	expect_boot(&machine, ",bootindex=16", ",bootindex=1");
}

static void test_smbios(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.smbios.manufacturer = (char *)"A, Ltd.,uuid=x";
	machine.definition.smbios.serial = (char *)"ds=nocloud;s=http://10.0.0.1/";
	argv = build(&machine);
	assert_option(&argv, "-smbios", 0, "type=1,manufacturer=A,, Ltd.,,uuid=x");
	assert_option(&argv, "-smbios", 1, "type=1,serial=ds=nocloud;s=http://10.0.0.1/");
	assert_null(option(&argv, "-smbios", 2));
	argv_done(&argv);

	machine.definition.smbios.family = (char *)"a\nb";
	assert_refused(&machine, "'smbios'");
}

static void test_video_and_audio(void **state)
{
	static const char *const video[] = { "virtio-vga",  "VGA",        "qxl-vga",
					     "vmware-svga", "cirrus-vga", "bochs-display" };
	static const char *const audio[] = { NULL, "spice,id=audio", "pipewire,id=audio",
					     "pa,id=audio", "alsa,id=audio" };
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.display = DISPLAY_GTK;
	for (size_t i = 0; i < ARRAY_SIZE(video); i++) {
		machine.definition.video.model = (enum video_model)i;
		argv = build(&machine);
		assert_option(&argv, "-device", 1, video[i]);
		argv_done(&argv);
	}
	machine.definition.video = (struct video){ VIDEO_STD, { 1920, 1080 } };
	for (size_t i = 1; i < ARRAY_SIZE(audio); i++) {
		machine.definition.audio = (enum audio_backend)i;
		argv = build(&machine);
		assert_option(&argv, "-audiodev", 0, audio[i]);
		assert_option(&argv, "-device", 1, "VGA,xres=1920,yres=1080");
		assert_option(&argv, "-device", 4, "ich9-intel-hda");
		assert_option(&argv, "-device", 5, "hda-duplex,audiodev=audio");
		argv_done(&argv);
	}
}

static void test_tap(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_DHCP);
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0, "tap,id=lan0,fd=6");
	assert_option(&argv, "-device", 0,
		      "virtio-net-pci,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=,host_mtu=1500");
	argv_done(&argv);

	machine.plan.cards[0].vhost = true;
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0, "tap,id=lan0,fd=6,vhost=on,vhostfd=14");
	argv_done(&argv);

	machine.plan.cards[0].queues = 3;
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0, "tap,id=lan0,fds=6:7:8,vhost=on,vhostfds=14:15:16");
	assert_option(&argv, "-device", 0,
		      "virtio-net-pci,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=,host_mtu=1500,"
		      "mq=on,vectors=8");
	argv_done(&argv);

	machine.plan.cards[0].vhost = false;
	machine.plan.cards[0].lan = NULL;
	argv = build(&machine);
	assert_true(has(&argv, "host_mtu=MTU"));
	argv_done(&argv);
}

static void test_models(void **state)
{
	static const struct {
		const char *model;
		bool virtio, offloads;
		const char *device;
	} models[] = {
		{ "virtio", true, true,
		  "virtio-net-pci,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=,host_mtu=1500" },
		{ "virtio-net-pci-non-transitional", true, true,
		  "virtio-net-pci-non-transitional,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=,host_"
		  "mtu=1500" },
		{ "virtio-net-device", true, true,
		  "virtio-net-device,netdev=lan0,mac=52:54:00:ab:cd:ef,host_mtu=1500" },
		{ "e1000", false, false, "e1000,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=" },
		{ "e1000e", false, true, "e1000e,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=" },
		{ "rtl8139", false, false, "rtl8139,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=" },
		{ "usb-net", false, false, "usb-net,netdev=lan0,mac=52:54:00:ab:cd:ef" },
	};
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_DHCP);
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		machine.definition.network.model = (char *)models[i].model;
		assert_int_equal(machine_virtio(models[i].model), models[i].virtio);
		assert_int_equal(machine_offloads(models[i].model), models[i].offloads);
		argv = build(&machine);
		assert_option(&argv, "-device", 0, models[i].device);
		argv_done(&argv);
	}
	machine.definition.network.model = (char *)"e1000,netdev=x";
	assert_refused(&machine, "'network.model'");
	machine.definition.network.model = (char *)"";
	assert_refused(&machine, "'network.model'");
	machine.definition.network.model = (char *)"e1000";
	machine.plan.cards[0].queues = 2;
	assert_refused(&machine, "'e1000' has one");
	machine.definition.network.model = (char *)"virtio";
	machine.plan.cards[0].queues = 0;
	assert_refused(&machine, "0 queues");
	machine.plan.cards[0].queues = QUEUES_MAX + 1;
	assert_refused(&machine, "9 queues");
}

static void test_queues(void **state)
{
	struct machine machine;

	machine_init(&machine);
	machine.definition.cpus.count = 3;
	assert_int_equal(machine_queues(&machine.definition, &machine.definition.network, false),
			 1);
	assert_int_equal(machine_queues(&machine.definition, &machine.definition.network, true), 3);
	machine.definition.cpus.count = 64;
	assert_int_equal(machine_queues(&machine.definition, &machine.definition.network, true), 4);
	machine.definition.network.queues = 8;
	assert_int_equal(machine_queues(&machine.definition, &machine.definition.network, false),
			 8);
	machine.definition.network.queues = 0;
	machine.definition.network.model = (char *)"e1000";
	assert_int_equal(machine_queues(&machine.definition, &machine.definition.network, true), 1);
}

static void test_user_network(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.network.type = NETWORK_USER;
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0, "user,id=lan0");
	assert_option(&argv, "-device", 0,
		      "virtio-net-pci,netdev=lan0,mac=52:54:00:ab:cd:ef,romfile=");
	argv_done(&argv);
}

static void test_networks(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE);
	machine.definition.boot.kernel = (char *)"/vmlinuz";
	machine.definition.others[0] = (struct network){ .type = NETWORK_USER,
							 .model = (char *)"e1000",
							 .mac = { { 2, 0, 0, 0, 0, 1 } } };
	machine.definition.others[1] = (struct network){ .type = NETWORK_USER,
							 .model = (char *)"virtio",
							 .mac = { { 2, 0, 0, 0, 0, 2 } } };
	machine.definition.others[0].ports[0] =
		(struct port){ { inet_addr("127.0.0.1") }, 2222, 22, false };
	machine.definition.others[0].ports[1] = (struct port){ { 0 }, 5353, 53, true };
	machine.definition.others[0].port_count = 2;
	machine.definition.other_count = 2;
	machine.definition.network_index = 1;
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0,
		      "user,id=user0,ipv6=off,hostfwd=tcp:127.0.0.1:2222-:22,"
		      "hostfwd=udp:0.0.0.0:5353-:53");
	assert_option(&argv, "-device", 0, "e1000,netdev=user0,mac=02:00:00:00:00:01,romfile=");
	assert_option(&argv, "-netdev", 1, "tap,id=lan0,fd=6");
	assert_option(&argv, "-netdev", 2, "user,id=user2,net=10.0.3.0/24,ipv6=off");
	assert_option(&argv, "-device", 2,
		      "virtio-net-pci,netdev=user2,mac=02:00:00:00:00:02,romfile=");
	assert_option(
		&argv, "-append", 0,
		"ip=192.168.1.10::192.168.1.1:255.255.255.0:web:eth1:off:192.168.1.1:9.9.9.9");
	argv_done(&argv);
	machine.definition.others[1].model = (char *)"e1000,netdev=x";
	assert_refused(&machine, "'network.model'");
}

/* Each card on the LAN has its own tap, queues and MTU; the others keep their numbers. */
static void test_lans(void **state)
{
	struct machine machine;
	struct lan_place wired;
	struct argv argv;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE);
	wired = machine.lan;
	wired.mtu = 9000;
	wired.address.s_addr = inet_addr("192.168.2.10");
	machine.definition.boot.kernel = (char *)"/vmlinuz";
	machine.definition.others[0] = (struct network){ .type = NETWORK_USER,
							 .model = (char *)"virtio" };
	machine.definition.others[1] = (struct network){ .type = NETWORK_LAN,
							 .configure = CONFIGURE_CMDLINE,
							 .model = (char *)"virtio",
							 .mac = { { 2, 0, 0, 0, 0, 1 } } };
	machine.definition.others[2] = (struct network){ .type = NETWORK_LAN,
							 .configure = CONFIGURE_DHCP,
							 .model = (char *)"e1000",
							 .mac = { { 2, 0, 0, 0, 0, 2 } } };
	machine.definition.other_count = 3;
	machine.definition.network_index = 1;
	machine.plan.cards[1] = (struct machine_card){ .lan = &wired, .queues = 2, .vhost = true };
	machine.plan.cards[2] = (struct machine_card){ .lan = &machine.lan, .queues = 1 };
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0, "user,id=user0,ipv6=off");
	assert_option(&argv, "-netdev", 1, "tap,id=lan0,fd=6");
	assert_option(&argv, "-netdev", 2, "tap,id=lan1,fds=67:68,vhost=on,vhostfds=75:76");
	assert_option(&argv, "-device", 2,
		      "virtio-net-pci,netdev=lan1,mac=02:00:00:00:00:01,romfile=,host_mtu=9000,"
		      "mq=on,vectors=6");
	assert_option(&argv, "-netdev", 3, "tap,id=lan2,fd=83");
	assert_option(&argv, "-device", 3, "e1000,netdev=lan2,mac=02:00:00:00:00:02,romfile=");
	/* The first card comes last, and alone has gateway and servers. */
	assert_option(
		&argv, "-append", 0,
		"ip=192.168.2.10:::255.255.255.0:web:eth2:off "
		"ip=192.168.1.10::192.168.1.1:255.255.255.0:web:eth1:off:192.168.1.1:9.9.9.9");
	argv_done(&argv);
	machine.plan.cards[1].lan = NULL;
	argv = build(&machine);
	assert_option(
		&argv, "-append", 0,
		"ip=ADDRESS1:::NETMASK1:web:eth2:off "
		"ip=192.168.1.10::192.168.1.1:255.255.255.0:web:eth1:off:192.168.1.1:9.9.9.9");
	argv_done(&argv);
	machine.plan.cards[2].queues = 2;
	assert_refused(&machine, "network model 'e1000' has one");
}

/* A private network is no user network: it takes no subnet from the next one. */
static void test_private_networks(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.network = (struct network){ .type = NETWORK_PRIVATE,
						       .name = "lab",
						       .model = (char *)"virtio",
						       .mac = { { 2, 0, 0, 0, 0, 1 } } };
	machine.definition.others[0] = (struct network){ .type = NETWORK_PRIVATE,
							 .name = "back",
							 .model = (char *)"e1000",
							 .mac = { { 2, 0, 0, 0, 0, 2 } } };
	machine.definition.others[1] = (struct network){ .type = NETWORK_USER,
							 .model = (char *)"virtio" };
	machine.definition.other_count = 2;
	argv = build(&machine);
	assert_option(&argv, "-netdev", 0, "socket,id=lan0,fd=59");
	assert_option(&argv, "-device", 0,
		      "virtio-net-pci,netdev=lan0,mac=02:00:00:00:00:01,romfile=");
	assert_option(&argv, "-netdev", 1, "socket,id=private1,fd=60");
	assert_option(&argv, "-device", 1, "e1000,netdev=private1,mac=02:00:00:00:00:02,romfile=");
	assert_option(&argv, "-netdev", 2, "user,id=user2");
	argv_done(&argv);
}

static void test_channels(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.rng = false;
	machine.definition.guest_agent = true;
	machine.definition.vsock.cid = 42;
	machine.definition.usb[0] = (struct usb_id){ 0x046d, 0xc52b };
	machine.definition.usb[1] = (struct usb_id){ 0x1, 0x2 };
	machine.definition.usb_count = 2;
	machine.plan.vsock = true;
	machine.plan.runtime_directory = "/run/user/1,2";
	argv = build(&machine);
	assert_option(&argv, "-chardev", 1, "socket,id=agent,server=on,wait=off,fd=58");
	assert_option(&argv, "-device", 0, "virtio-serial-pci,id=agents");
	assert_option(&argv, "-device", 1,
		      "virtserialport,bus=agents.0,chardev=agent,id=agent0,"
		      "name=org.qemu.guest_agent.0");
	assert_option(&argv, "-device", 2, "vhost-vsock-pci,guest-cid=42,vhostfd=22");
	assert_option(&argv, "-device", 3, "qemu-xhci,id=host-usb,p2=8,p3=8");
	assert_option(&argv, "-device", 5,
		      "usb-host,bus=host-usb.0,vendorid=0x0001,productid=0x0002");
	argv_done(&argv);
}

static void test_shares(void **state)
{
	struct machine machine;
	struct argv argv;
	char expected[64];

	machine_init(&machine);
	machine.definition.shares[0] = (struct share){ (char *)"/home/me/a,readonly=off",
						       (char *)"src", true, SHARE_9P, NULL };
	machine.definition.shares[1] = (struct share){ (char *)"/", (char *)"all", false, SHARE_9P,
						       NULL };
	machine.definition.shares[2] = (struct share){ (char *)"/a", (char *)"a", false,
						       SHARE_VIRTIOFS, NULL };
	machine.definition.shares[3] = (struct share){ (char *)"/b", (char *)"b", false,
						       SHARE_VIRTIOFS, NULL };
	machine.definition.share_count = 4;
	argv = build(&machine);
	assert_option(&argv, "-fsdev", 0,
		      "local,id=share0,path=/home/me/a,,readonly=off,security_model=none,"
		      "multidevs=remap,readonly=on");
	assert_option(&argv, "-device", 1, "virtio-9p-pci,fsdev=share0,mount_tag=src");
	assert_option(&argv, "-fsdev", 1,
		      "local,id=share1,path=/,security_model=none,multidevs=remap");
	assert_option(&argv, "-object", 0,
		      "memory-backend-memfd,id=memory,share=on,size=536870912");
	assert_option(&argv, "-machine", 1, "memory-backend=memory");
	snprintf(expected, sizeof(expected), "socket,id=share2,fd=%d", QEMU_FD_SHARE + 2);
	assert_option(&argv, "-chardev", 1, expected);
	assert_option(&argv, "-device", 4, "vhost-user-fs-pci,chardev=share3,tag=b");
	argv_done(&argv);
	machine.definition.shares[1].tag = (char *)"a,b";
	assert_refused(&machine, "'shares.tag'");
}

static void test_console(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.plan.console = CONSOLE_STDIO;
	argv = build(&machine);
	assert_option(&argv, "-chardev", 1, "stdio,id=console,mux=on,signal=off");
	assert_option(&argv, "-serial", 0, "chardev:console");
	assert_option(&argv, "-monitor", 0, "chardev:console");
	argv_done(&argv);

	machine.plan.console = CONSOLE_SOCKET;
	argv = build(&machine);
	assert_option(&argv, "-chardev", 1, "socket,id=console,fd=4");
	assert_option(&argv, "-serial", 0, "chardev:console");
	assert_null(option(&argv, "-monitor", 0));
	argv_done(&argv);
}

static void test_display(void **state)
{
	char deep[128];
	struct machine machine;
	struct argv argv;
	struct error err;

	machine_init(&machine);
	machine.definition.display = DISPLAY_GTK;
	argv = build(&machine);
	assert_option(&argv, "-display", 0, "gtk");
	assert_true(has(&argv, "spawn=allow"));
	assert_true(has(&argv, "virtio-vga"));
	argv_done(&argv);

	machine.plan.runtime_directory = "/run/a,b";
	machine.definition.display = DISPLAY_VNC;
	argv = build(&machine);
	assert_true(has(&argv, "spawn=deny"));
	assert_option(&argv, "-vnc", 0, "unix:/run/a,,b/vnc.sock");
	argv_done(&argv);

	machine.definition.display = DISPLAY_SPICE;
	argv = build(&machine);
	assert_option(&argv, "-spice", 0, "unix=on,addr=/run/a,,b/spice.sock,disable-ticketing=on");
	argv_done(&argv);

	machine.plan.runtime_directory = NULL;
	argv = build(&machine);
	assert_option(&argv, "-spice", 0, "unix=on,addr=RUNTIME/spice.sock,disable-ticketing=on");
	argv_done(&argv);

	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	machine.plan.runtime_directory = deep;
	assert_int_equal(qemu_build(&machine.plan, &argv, &err), -ENAMETOOLONG);
}

/* The arguments of `qemu.args` are last and unchanged. */
static void test_args(void **state)
{
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine.definition.qemu.args[0] = (char *)"-device";
	machine.definition.qemu.args[1] = (char *)"x,y=\n";
	machine.definition.qemu.arg_count = 2;
	argv = build(&machine);
	assert_string_equal(argv.items[argv.count - 2], "-device");
	assert_string_equal(argv.items[argv.count - 1], "x,y=\n");
	argv_done(&argv);
}

static void test_deterministic(void **state)
{
	cleanup_free char *first = NULL;
	cleanup_free char *second = NULL;
	struct machine machine;
	struct argv argv;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	machine_add_disk(&machine, "/a", DISK_DIRECT, DISK_FORMAT_RAW);
	argv = build(&machine);
	first = argv_quoted(&argv);
	argv_done(&argv);
	argv = build(&machine);
	second = argv_quoted(&argv);
	argv_done(&argv);
	assert_string_equal(first, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_video_and_audio),
		cmocka_unit_test(test_boot_order),
		cmocka_unit_test(test_smbios),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_uefi),
		cmocka_unit_test(test_disk_devices),
		cmocka_unit_test(test_tpm),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_clock_and_topology),
		cmocka_unit_test(test_serial_and_cache),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_user_network),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_private_networks),
		cmocka_unit_test(test_lans),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_display),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_deterministic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
