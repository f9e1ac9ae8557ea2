// SPDX-License-Identifier: GPL-2.0-or-later
// The QEMU command of a VM: argv and the descriptors that it names.
#ifndef LAUNCHER_QEMU_QEMU_H
#define LAUNCHER_QEMU_QEMU_H

#include <stddef.h>

#include "launcher/common/argv.h"
#include "launcher/definition/definition.h"
#include "netsetup/protocol/client.h"

/*
 * Descriptors that QEMU inherits have fixed numbers, so that the command is the same on every run:
 * the child places each with dup2(2).
 */
enum qemu_fd {
	QEMU_FD_QMP = 3,     /* one end of a socket pair */
	QEMU_FD_CONSOLE = 4, /* one end of a socket pair, for 'console: socket' */
	QEMU_FD_SEED = 5,    /* the NoCloud image, read-only */
	QEMU_FD_TAP = 6,     /* first of the tap's queues */
	QEMU_FD_VHOST = QEMU_FD_TAP + QUEUES_MAX, /* first of vhost-net's */
	QEMU_FD_VSOCK = QEMU_FD_VHOST + QUEUES_MAX,
	QEMU_FD_TPM,        /* swtpm's control channel */
	QEMU_FD_CREDENTIAL, /* first of the strings of SMBIOS type 11 */
	/* First of the connections to virtiofsd, by the number of the share. */
	QEMU_FD_SHARE = QEMU_FD_CREDENTIAL + CREDENTIALS_MAX + 3,
	QEMU_FD_END = QEMU_FD_SHARE + SHARES_MAX,
};

/**
 * struct qemu_config - what the command depends on besides the definition.
 * @definition: the VM.
 * @lan: its place on the LAN; NULL for `network: none|user`, and for `print`, which touches
 *       nothing: the command then has the words ADDRESS, GATEWAY, NETMASK and MTU in their places.
 * @accel: kvm or tcg; auto, for `print`: the words ACCEL and CPU.
 * @queues: pairs of queues of the tap, 1..QUEUES_MAX.
 * @vhost: QEMU_FD_VHOST and following are open.
 * @vsock: QEMU_FD_VSOCK is open.
 * @seed: QEMU_FD_SEED is open.
 * @dns, @dns_count: servers for the guest.
 * @disk_paths: for each of the definition's disks the file that QEMU opens: the image, or its
 *              overlay.
 * @disk_formats: the format of each of those files; auto, for `print`: the word FORMAT.
 * @disk_devices: which of them are block devices.
 * @uefi_code, @uefi_variables: files of the UEFI firmware, and of the VM's variables.
 * @uefi_code_format, @uefi_variables_format: of those.
 * @runtime_directory: the VM's own, only the user's, for the sockets of `display: spice|vnc`;
 *                     NULL for `print`: the word RUNTIME in its place.
 */
struct qemu_config {
	const struct definition *definition;
	const struct ready_record *lan;
	enum accel accel;
	unsigned int queues;
	bool vhost;
	bool vsock;
	bool seed;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	const char *disk_paths[DISKS_MAX];
	enum disk_format disk_formats[DISKS_MAX];
	bool disk_devices[DISKS_MAX];
	const char *uefi_code;
	const char *uefi_variables;
	enum disk_format uefi_code_format;
	enum disk_format uefi_variables_format;
	const char *runtime_directory;
};

/**
 * qemu_build() - build the command.
 * @config: see there.
 * @argv: the command, argv[0] is the binary; free it with argv_done() after success.
 * @err: a value that cannot be passed to QEMU safely is named.
 *
 * Return: 0, -EINVAL (STATUS_DEFINITION) or -ENOMEM.
 */
int qemu_build(const struct qemu_config *config, struct argv *argv, struct error *err);

#endif
