// SPDX-License-Identifier: GPL-2.0-or-later
// Holds a VM's definition: every key of vmrun.yaml(5), typed.
#ifndef LAUNCHER_DEFINITION_DEFINITION_H
#define LAUNCHER_DEFINITION_DEFINITION_H

#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uuid/uuid.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/protocol/protocol.h"

#define DISKS_MAX       16
#define SSH_KEYS_MAX    64
#define ARGS_MAX        256
#define PACKAGES_MAX    128
#define CREDENTIALS_MAX 16
#define COMMANDS_MAX    64

/* Of a command that the guest is to run. */
#define COMMAND_ARGS_MAX 32

#define MIRRORS_MAX  8
#define NETWORKS_MAX 8
#define PORTS_MAX    32
#define USB_MAX      8
#define SHARES_MAX   8

/* Hexadecimal digits with a NUL. */
#define SHA256_TEXT_SIZE 65
#define SHA512_TEXT_SIZE 129

enum accel {
	ACCEL_AUTO, /* kvm when it really works here, else tcg */
	ACCEL_KVM,
	ACCEL_TCG,
};

enum disk_mode {
	DISK_OVERLAY,  /* changes kept beside, image untouched */
	DISK_SNAPSHOT, /* changes thrown away */
	DISK_DIRECT,   /* changes go into the image */
	DISK_READONLY,
	DISK_MODE_AUTO, /* only until the definition is read: readonly for a CD-ROM, else overlay */
};

/* What the guest sees. */
enum disk_device {
	DISK_VIRTIO,
	DISK_SCSI,
	DISK_SATA,
	DISK_NVME,
	DISK_CDROM,
	DISK_DEVICE_AUTO, /* only until the definition is read: cdrom for an .iso, else virtio */
};

enum disk_format {
	DISK_FORMAT_AUTO,
	DISK_FORMAT_RAW,
	DISK_FORMAT_QCOW2,
};

enum network_type {
	NETWORK_LAN, /* a member of the uplink's LAN */
	NETWORK_NONE,
	NETWORK_USER, /* QEMU's own NAT */
};

/* How the guest learns its address; bits of network.configure. */
enum configure {
	CONFIGURE_CMDLINE = 1,
	CONFIGURE_CLOUD_INIT = 2,
	CONFIGURE_DHCP = 4,
	CONFIGURE_CREDENTIALS = 8,
};

enum console_mode {
	CONSOLE_STDIO,
	CONSOLE_SOCKET,
	CONSOLE_NONE,
};

enum display_mode {
	DISPLAY_NONE,
	DISPLAY_GTK,
	DISPLAY_SDL,
	DISPLAY_SPICE,
	DISPLAY_VNC,
};

enum vsock_mode {
	VSOCK_NONE,
	VSOCK_AUTO,  /* when the host has it */
	VSOCK_GIVEN, /* by its number */
};

enum share_driver {
	SHARE_9P,       /* by QEMU itself */
	SHARE_VIRTIOFS, /* by virtiofsd beside it */
};

/**
 * struct share - a directory of the host that the guest can mount.
 * @path: absolute.
 * @tag: by which the guest names it.
 * @readonly: the guest cannot write.
 * @driver: who serves it.
 * @mount: absolute path in the guest where cloud-init mounts it, or NULL.
 */
struct share {
	char *path;
	char *tag;
	bool readonly;
	enum share_driver driver;
	char *mount;
};

/* struct usb_id - a kind of USB device. */
struct usb_id {
	uint16_t vendor;
	uint16_t product;
};

/* linux/vm_sockets.h: 0 to 2 are the host's own, and the last one is any. */
#define CID_MIN 3u
#define CID_MAX 4294967294u

/**
 * struct disk - one entry of 'disks'.
 * @image: absolute path; NULL for an image from a URL, see machine_plan_image().
 * @urls, @url_count: its mirrors, for an image from a URL.
 * @sha256, @sha512: its digest, in lower case; of a URL's image one of them, else none.
 * @mode: where changes go.
 * @size: bytes to grow the overlay to, 0: the image's own; without an image that of the new disk.
 * @format: of the image; auto: by its content.
 * @device: what the guest sees.
 */
struct disk {
	char *image;
	char *urls[MIRRORS_MAX];
	unsigned int url_count;
	char sha256[SHA256_TEXT_SIZE];
	char sha512[SHA512_TEXT_SIZE];
	enum disk_mode mode;
	uint64_t size;
	enum disk_format format;
	enum disk_device device;
};

/**
 * struct port - one entry of 'ports'.
 * @address: of this host, on which QEMU listens; 0.0.0.0 for all.
 * @host, @guest: the ports, not 0; in host byte order.
 * @udp: UDP, else TCP.
 */
struct port {
	struct in_addr address;
	uint16_t host;
	uint16_t guest;
	bool udp;
};

/**
 * struct network - the mapping 'network', or one of its list; of a 'user' one nothing but @model,
 *                  @mac and @ports counts.
 * @type: 'lan' unless something else is said.
 * @uplink: interface, or empty for auto.
 * @address: fixed address, or 0.0.0.0 for auto.
 * @range_first, @range_last: 0.0.0.0 both for auto.
 * @gateway_mode, @gateway: router, host, or the address.
 * @dns, @dns_count: 0 entries for auto.
 * @configure: enum configure bits; 0: nobody tells the guest (a disk without cloud-init).
 * @model: a -device name: "virtio" stands for virtio-net-pci; lives as long as the definition.
 * @mac_auto, @mac: derived from the uuid, or given.
 * @queues: 1..QUEUES_MAX; 0 for auto.
 * @probe: how thoroughly an address is proven free.
 * @promiscuous: whether the uplink is made promiscuous.
 * @ports, @port_count: what leads to the guest in a 'user' one.
 */
struct network {
	enum network_type type;
	char uplink[IFNAMSIZ];
	struct in_addr address;
	struct in_addr range_first;
	struct in_addr range_last;
	enum gateway_mode gateway_mode;
	struct in_addr gateway;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	unsigned int configure;
	char *model;
	bool mac_auto;
	struct ether_addr mac;
	unsigned int queues;
	enum probe_mode probe;
	enum promiscuous_mode promiscuous;
	struct port ports[PORTS_MAX];
	unsigned int port_count;
};

/* struct firmware_key - the value of the key 'firmware'; see struct definition. */
struct firmware_key {
	bool uefi;
	char *file;
};

/**
 * struct guest_command - one entry of 'run'.
 * @shell: its one argument is a line for the guest's sh(1); else the arguments are a command's.
 * @args, @arg_count: at least one.
 */
struct guest_command {
	bool shell;
	char *args[COMMAND_ARGS_MAX];
	unsigned int arg_count;
};

/**
 * struct cloud_init - the mapping 'cloud-init'.
 * @present: the key is there.
 * @user_data: absolute path or NULL; its bytes are passed on unchanged.
 * @user: login name, CLOUD_INIT_USER_DEFAULT for the image's own user, or NULL for auto.
 * @ssh_keys_auto: the keys are those of the user who runs the VM.
 * @ssh_keys, @ssh_key_count: absolute paths of public key files.
 * @packages, @package_count: names for the guest's package manager.
 * @run, @run_count: what is run at the first boot.
 *
 * What is auto depends on the user, and nothing that a definition is printed as may: the run's plan
 * has the choice, see struct machine_login.
 */
struct cloud_init {
	bool present;
	char *user_data;
	char *user;
	bool ssh_keys_auto;
	char *ssh_keys[SSH_KEYS_MAX];
	unsigned int ssh_key_count;
	char *packages[PACKAGES_MAX];
	unsigned int package_count;
	struct guest_command run[COMMANDS_MAX];
	unsigned int run_count;
};

/* What cloud-init itself calls the user that an image brings. */
#define CLOUD_INIT_USER_DEFAULT "default"

/* struct credential - an entry of 'credentials'; one of @value and @file, an absolute path. */
struct credential {
	char *name;
	char *value;
	char *file;
};

/**
 * struct definition - a VM.
 * @path: of its file as it was given, for messages.
 * @directory: absolute directory of the file; relative paths are relative to it.
 * @name: vm_name_valid().
 * @uuid_auto, @uuid: derived from the name and this machine's id, or given.
 * @cpus: 1..255.
 * @memory: bytes, a multiple of 1 MiB, 8 MiB to 16 TiB.
 * @machine.type: -machine type.
 * @machine.cpu: -cpu model, or NULL for auto (host under kvm, max under tcg).
 * @machine.firmware.uefi: the host's UEFI firmware; else @machine.firmware.file: an absolute path,
 *                         or NULL for bios.
 * @machine.secure_boot: it starts only what is signed.
 * @machine.tpm: there is a TPM.
 * @boot.kernel, @boot.initrd: absolute paths or NULL; @boot.cmdline: text or NULL.
 * @disks, @disk_count: in the order of the file.
 * @network: the LAN's; when there is none, the first of the list, or the only one.
 * @others, @other_count: the others of the list, all of them 'user', in its order.
 * @network_index: where @network stands in the list, which is the order of the cards.
 * @cloud_init: the mapping 'cloud-init'.
 * @ignition: absolute path of an Ignition configuration, or NULL.
 * @credentials, @credential_count: what the guest's systemd is told.
 * @shares, @share_count: directories of the host that it can mount.
 * @usb, @usb_count: devices of the host that are its own.
 * @rng: it has a virtio-rng.
 * @guest_agent: it has a channel for the QEMU guest agent.
 * @vsock.mode, @vsock.cid: its context identifier, which is derived from the uuid for auto.
 * @shutdown_timeout: seconds, 0..86400.
 * @qemu.binary: a name searched in PATH or a path.
 * @qemu.args, @qemu.arg_count: appended as given.
 */
struct definition {
	char *path;
	char *directory;
	char name[VM_NAME_SIZE];
	bool uuid_auto;
	uuid_t uuid;
	unsigned int cpus;
	uint64_t memory;
	struct {
		char *type;
		enum accel accel;
		char *cpu;
		struct firmware_key firmware;
		bool secure_boot;
		bool tpm;
	} machine;
	struct {
		char *kernel;
		char *initrd;
		char *cmdline;
	} boot;
	struct disk disks[DISKS_MAX];
	unsigned int disk_count;
	struct network network;
	struct network others[NETWORKS_MAX - 1];
	unsigned int other_count;
	unsigned int network_index;
	struct cloud_init cloud_init;
	char *ignition;
	struct credential credentials[CREDENTIALS_MAX];
	unsigned int credential_count;
	enum console_mode console;
	enum display_mode display;
	struct share shares[SHARES_MAX];
	unsigned int share_count;
	struct usb_id usb[USB_MAX];
	unsigned int usb_count;
	bool rng;
	bool guest_agent;
	struct {
		enum vsock_mode mode;
		unsigned int cid;
	} vsock;
	unsigned int shutdown_timeout;
	struct {
		char *binary;
		char *args[ARGS_MAX];
		unsigned int arg_count;
	} qemu;
};

/**
 * definition_network() - the networks in the order of the list, which is that of the cards.
 * @definition: the definition.
 * @index: from 0.
 *
 * Return: the network, or NULL after the last one.
 */
const struct network *definition_network(const struct definition *definition, unsigned int index);

/* definition_done() - free what a definition owns; it becomes all zero. */
void definition_done(struct definition *definition);

#endif
