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

#include "launcher/formats/image.h"
#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/protocol/protocol.h"

#define BOOT_DEVICES_MAX 2

#define DISKS_MAX       16
#define SSH_KEYS_MAX    64
#define ARGS_MAX        256
#define FILES_MAX       64
#define PACKAGES_MAX    128
#define CREDENTIALS_MAX 16
#define COMMANDS_MAX    64

/* Limits of files that a definition names, in bytes. */
#define USER_DATA_SIZE_MAX  (1024 * 1024)
#define CREDENTIAL_SIZE_MAX 32768

/* Size of all credentials as SMBIOS strings; their table holds more and has at most 64 KiB. */
#define CREDENTIALS_SIZE_MAX (48 * 1024)

/* Arguments of a command that the guest runs. */
#define COMMAND_ARGS_MAX 32

#define MIRRORS_MAX  8
#define NETWORKS_MAX 8
#define SEARCH_MAX   6 /* the number that every resolver takes; resolv.conf(5) */
#define PORTS_MAX    32
#define USB_MAX      8
#define SHARES_MAX   8

/* Hexadecimal digits and a NUL. */
#define SHA256_TEXT_SIZE 65
#define SHA512_TEXT_SIZE 129

enum accel {
	ACCEL_AUTO, /* kvm if this machine can run it, else tcg */
	ACCEL_KVM,
	ACCEL_TCG,
};

enum disk_mode {
	DISK_OVERLAY,  /* changes go into a file in the state directory, which stays */
	DISK_SNAPSHOT, /* changes go into a temporary file */
	DISK_DIRECT,   /* changes go into the image */
	DISK_READONLY,
	DISK_MODE_AUTO, /* only until resolve_disks(): readonly for a CD-ROM, else overlay */
};

/* The device that the guest sees. */
enum disk_device {
	DISK_VIRTIO,
	DISK_SCSI,
	DISK_SATA,
	DISK_NVME,
	DISK_CDROM,
	DISK_DEVICE_AUTO, /* only until resolve_disks(): cdrom for an .iso, else virtio */
};

enum network_type {
	NETWORK_LAN, /* the guest is a host on the uplink's LAN */
	NETWORK_NONE,
	NETWORK_USER,    /* QEMU's own NAT */
	NETWORK_PRIVATE, /* a network of the user's VMs */
};

/* Ways to give the guest its address; bits of network.configure. */
enum configure {
	CONFIGURE_CMDLINE = 1,
	CONFIGURE_CLOUD_INIT = 2,
	CONFIGURE_DHCP = 4,
	CONFIGURE_CREDENTIALS = 8,
};

/* The time that the machine's clock has. */
enum rtc_base {
	RTC_UTC,
	RTC_LOCALTIME,
};

/* A kind of disk that the machine boots from. */
enum boot_device {
	BOOT_USUAL, /* only for boot.once: the same as at other times */
	BOOT_DISK,
	BOOT_CDROM,
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

/* The model of the video card, if there is a display. */
enum video_model {
	VIDEO_VIRTIO,
	VIDEO_STD,
	VIDEO_QXL,
	VIDEO_VMWARE,
	VIDEO_CIRRUS,
	VIDEO_BOCHS,
};

/* The program of this host that plays and records the guest's sound. */
enum audio_backend {
	AUDIO_NONE,
	AUDIO_SPICE,
	AUDIO_PIPEWIRE,
	AUDIO_PULSE,
	AUDIO_ALSA,
};

enum vsock_mode {
	VSOCK_NONE,
	VSOCK_AUTO,  /* if the host has it */
	VSOCK_GIVEN, /* with the number of the definition */
};

enum share_driver {
	SHARE_9P,       /* QEMU serves it */
	SHARE_VIRTIOFS, /* virtiofsd serves it */
};

/**
 * struct share - a directory of the host that the guest can mount.
 * @path: absolute.
 * @tag: name that the guest mounts it by.
 * @readonly: true if the guest cannot write to it.
 * @driver: the server.
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

/* linux/vm_sockets.h: 0 to 2 are reserved, and 4294967295 is VMADDR_CID_ANY. */
#define CID_MIN 3u
#define CID_MAX 4294967294u

/* The words of QEMU's -drive; see vmrun.yaml(5). */
enum disk_cache {
	DISK_CACHE_WRITEBACK,
	DISK_CACHE_NONE,
	DISK_CACHE_WRITETHROUGH,
	DISK_CACHE_DIRECTSYNC,
	DISK_CACHE_UNSAFE,
};

/**
 * struct disk - one entry of 'disks'.
 * @image: absolute path; NULL for an image from a URL, see machine_plan_image().
 * @urls, @url_count: URL and mirrors of an image from a URL.
 * @sha256, @sha512: digest in lower case. An image from a URL has one of them, others may have one.
 * @mode: target of changes.
 * @size: bytes to grow the overlay to, 0 for the image's size; without @image, size of a new disk.
 * @format: format of the image; auto: image_inspect() finds it by the content.
 * @device: device that the guest sees.
 * @serial: serial number that the guest sees, or NULL.
 * @cache: use of the host's page cache, and promises about flushed data.
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
	char *serial;
	enum disk_cache cache;
};

#define DNS_MAX 3 /* resolv.conf(5): MAXNS */

/* The guest's gateway: the LAN's router, this host, or a given address. */
enum gateway_mode {
	GATEWAY_ROUTER,
	GATEWAY_HOST,
	GATEWAY_ADDRESS,
};

/**
 * struct port - one entry of 'ports'.
 * @address: address of this host that QEMU listens on; 0.0.0.0 for all.
 * @host, @guest: ports in host byte order; 0 if the value was refused.
 * @udp: true for UDP, false for TCP.
 */
struct port {
	struct in_addr address;
	uint16_t host;
	uint16_t guest;
	bool udp;
};

/**
 * struct network - the mapping 'network', or one of its list. A network of type 'user' uses only
 *                  @model, @mac and @ports, one of type 'private' @name,
 *                  @address, @model and @mac.
 * @type: 'lan' by default.
 * @name: of a private network, a valid VM name; else empty.
 * @uplink: interface, or empty for auto.
 * @address: fixed address, or 0.0.0.0 for auto, which is none in a private network.
 * @prefix_length: length of the prefix of @address in a private network; else 0.
 * @range_first, @range_last: 0.0.0.0 both for auto.
 * @gateway_mode, @gateway: router, host, or the address.
 * @dns, @dns_count: 0 entries for auto.
 * @search, @search_count: search domains for the guest; 0 entries for those of the host. Owned.
 * @configure: enum configure bits; 0 for auto, until resolve_definition().
 * @model: name for -device; "virtio" stands for virtio-net-pci. Owned.
 * @mac_auto, @mac: @mac_auto is true if resolve_definition() derives @mac from the uuid.
 * @queues: 1..QUEUES_MAX; 0 for auto.
 * @probe: thoroughness of the check that an address is free.
 * @promiscuous: mode of the uplink.
 * @ports, @port_count: ports of the host that QEMU forwards to the guest.
 */
struct network {
	enum network_type type;
	char name[VM_NAME_SIZE];
	char uplink[IFNAMSIZ];
	struct in_addr address;
	unsigned int prefix_length;
	struct in_addr range_first;
	struct in_addr range_last;
	enum gateway_mode gateway_mode;
	struct in_addr gateway;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	char *search[SEARCH_MAX];
	unsigned int search_count;
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
 * @shell: true if the only argument is a line for the guest's sh(1), false for a command.
 * @args, @arg_count: the command and its arguments, at least one.
 */
struct guest_command {
	bool shell;
	char *args[COMMAND_ARGS_MAX];
	unsigned int arg_count;
};

/**
 * struct cloud_init - the mapping 'cloud-init'.
 * @present: true if the definition has the key.
 * @user_data: absolute path or NULL; the seed has the file's bytes unchanged.
 * @network_config: absolute path or NULL; it replaces the network-config of vmrun.
 * @vendor_data: absolute path or NULL; its text stands beside the vendor-data of vmrun.
 * @user: login name, CLOUD_INIT_USER_DEFAULT for the image's own user, or NULL for auto.
 * @password: of that user, text or a crypt(5) hash; NULL for none.
 * @ssh_keys_auto: true if the keys are those of the user who runs the VM.
 * @ssh_keys, @ssh_key_count: absolute paths of public key files.
 * @packages, @package_count: names for the guest's package manager.
 * @run, @run_count: commands for the first boot.
 *
 * A printed definition must not depend on the user. Therefore 'auto' stays here as it is, and the
 * plan of the run has the login that it stands for, see struct machine_login.
 */
struct cloud_init {
	bool present;
	char *user_data;
	char *network_config;
	char *vendor_data;
	char *user;
	char *password;
	bool ssh_keys_auto;
	char *ssh_keys[SSH_KEYS_MAX];
	unsigned int ssh_key_count;
	char *packages[PACKAGES_MAX];
	unsigned int package_count;
	struct guest_command run[COMMANDS_MAX];
	unsigned int run_count;
};

/* cloud-init's own word for the user that an image brings. */
#define CLOUD_INIT_USER_DEFAULT "default"

/* struct credential - an entry of 'credentials'; one of @value and @file, an absolute path. */
struct credential {
	char *name;
	char *value;
	char *file;
};

/* struct smbios - strings of the machine's SMBIOS table 1 (DSP0134, 7.2), each may be NULL. */
struct smbios {
	char *manufacturer;
	char *product;
	char *version;
	char *serial;
	char *sku;
	char *family;
};

/**
 * struct definition - the definition of a VM.
 * @path: the definition's file as the user gave it, for messages.
 * @directory: absolute directory of the file; relative paths start from it.
 * @name: a name that vm_name_valid() accepts.
 * @uuid_auto, @uuid: @uuid_auto is true if @uuid is derived from the name and this machine's id.
 * @cpus.count: 1..255; the product of @cpus.topology if the definition has that.
 * @cpus.topology: sockets, cores of a socket, threads of a core; all 0 if there is only a number.
 * @memory: bytes, a multiple of 1 MiB, 8 MiB to 16 TiB.
 * @machine.type: type for -machine.
 * @machine.cpu: model for -cpu, or NULL for auto (host under kvm, max under tcg).
 * @machine.firmware.uefi: true for the host's UEFI firmware.
 * @machine.firmware.file: absolute path of another firmware, or NULL for bios.
 * @machine.secure_boot: true if the UEFI firmware boots only signed code.
 * @machine.tpm: true if the VM has a TPM.
 * @boot.kernel, @boot.initrd: absolute paths or NULL; @boot.cmdline: text or NULL.
 * @boot.order, @boot.order_count: kinds of disks to boot from; 0 entries for auto.
 * @boot.once: kind of disks to boot from before all others, until the guest's first reset.
 * @smbios: the strings of the machine.
 * @disks, @disk_count: in the order of the file.
 * @network: the first network of type lan; if there is none, the first of the list, or the only
 *           one.
 * @others, @other_count: the other networks of the list, in its order.
 * @network_index: index of @network in the list. The cards have the order of the list.
 * @cloud_init: the mapping 'cloud-init'.
 * @ignition: absolute path of an Ignition configuration, or NULL.
 * @credentials, @credential_count: system credentials for the guest's systemd.
 * @video.model: model of the video card; @video.resolution: its first one, 0 both for the usual.
 * @audio: backend of the sound card, or none.
 * @shares, @share_count: directories of the host that the guest can mount.
 * @usb, @usb_count: devices of the host that the guest gets.
 * @rtc: time of the machine's clock.
 * @rng: true if the VM has a virtio-rng.
 * @guest_agent: true if the VM has a channel for the QEMU guest agent.
 * @vsock.mode, @vsock.cid: context identifier; for auto, resolve_vsock() derives it from the uuid.
 * @shutdown_timeout: seconds, 0..86400.
 * @qemu.binary: a name to search for in PATH, or a path.
 * @qemu.args, @qemu.arg_count: arguments at the end of QEMU's command line.
 * @qemu.files, @qemu.file_count: absolute paths of files that QEMU may use beside those of the VM.
 */
struct definition {
	char *path;
	char *directory;
	char name[VM_NAME_SIZE];
	bool uuid_auto;
	uuid_t uuid;
	struct cpus {
		unsigned int count;
		struct topology {
			unsigned int sockets;
			unsigned int cores;
			unsigned int threads;
		} topology;
	} cpus;
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
		enum boot_device order[BOOT_DEVICES_MAX];
		unsigned int order_count;
		enum boot_device once;
	} boot;
	struct smbios smbios;
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
	struct video {
		enum video_model model;
		struct resolution {
			unsigned int width;
			unsigned int height;
		} resolution;
	} video;
	enum audio_backend audio;
	struct share shares[SHARES_MAX];
	unsigned int share_count;
	struct usb_id usb[USB_MAX];
	unsigned int usb_count;
	enum rtc_base rtc;
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
		char *files[FILES_MAX];
		unsigned int file_count;
	} qemu;
};

/**
 * definition_network() - get a network by its index in the list.
 * @index: from 0.
 *
 * Return: the network, or NULL after the last one.
 */
const struct network *definition_network(const struct definition *definition, unsigned int index);

/**
 * definition_lan() - get a network of type lan by the number of its card.
 * @card: from 0, in the order of the list: card 0 is definition->network.
 * @index: gets its index in the list; may be NULL.
 *
 * Return: the network, or NULL after the last one.
 */
const struct network *definition_lan(const struct definition *definition, unsigned int card,
				     unsigned int *index);

/*
 * definition_card_number() - number of the card of a network of type lan; @index is its index in
 * the list.
 */
unsigned int definition_card_number(const struct definition *definition, unsigned int index);

/* definition_done() - free all that a definition owns, and set it to zero. */
void definition_done(struct definition *definition);

#endif
