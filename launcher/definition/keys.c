// SPDX-License-Identifier: GPL-2.0-or-later
// Lists the keys of a definition in one table for each mapping.
#include "launcher/definition/keys.h"

#include "launcher/definition/definition.h"
#include "launcher/definition/pin.h"
#include "launcher/definition/type_address.h"
#include "launcher/definition/type_cloud_init.h"
#include "launcher/definition/type_cpus.h"
#include "launcher/definition/type_image.h"
#include "launcher/definition/type_network.h"
#include "launcher/definition/type_number.h"
#include "launcher/definition/type_path.h"
#include "launcher/definition/type_port.h"
#include "launcher/definition/type_share.h"
#include "launcher/definition/type_text.h"
#include "launcher/definition/type_usb.h"
#include "launcher/definition/type_vsock.h"
#include "launcher/definition/type_words.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

#define SHUTDOWN_MAX 86400

/* Pixels: VGA's, and twice those of an 8K screen. */
#define RESOLUTION_MIN 64
#define RESOLUTION_MAX 16384

/* The kernel's command line on x86 is 2048 bytes with its NUL (COMMAND_LINE_SIZE). */
#define CMDLINE_MAX 2047

/* A longer command does not belong into the seed, which is small. */
#define COMMAND_MAX 16384

/* A longer credential must be in a file. */
#define CREDENTIAL_TEXT_MAX 8192

/* Bytes; longer than any hash of crypt(5). */
#define PASSWORD_MAX 512

/* One argument of execve(2): MAX_ARG_STRLEN, 32 pages. */
#define ARG_MAX_BYTES (128 * 1024 - 1)

/* Longer strings make guests cut them; the standard has no limit. */
#define SMBIOS_TEXT_MAX 255

#define WORDS(array) (&(const struct words){ array, ARRAY_SIZE(array) })
#define BOUNDS(...)  (&(const struct bounds){ __VA_ARGS__ })
#define LIMITS(...)  (&(const struct limits){ __VA_ARGS__ })
#define DIGITS(size) LIMITS((size)-1, (size)-1, "")

#define DEFINITION(field) offsetof(struct definition, field)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): the names of members */
#define INSIDE(outer, field) (DEFINITION(outer.field) - DEFINITION(outer))
#define CPUS(field)          offsetof(struct cpus, field)
#define NETWORK(field)       offsetof(struct network, field)
#define DISK(field)          offsetof(struct disk, field)
#define CREDENTIAL(field)    offsetof(struct credential, field)
#define SHARE(field)         offsetof(struct share, field)
#define CLOUD_INIT(field)    offsetof(struct cloud_init, field)

/* Offset for a type whose target is the whole struct. */
#define WHOLE 0

static const struct word accels[] = {
	{ "auto", ACCEL_AUTO },
	{ "kvm", ACCEL_KVM },
	{ "tcg", ACCEL_TCG },
};

static const struct word boot_devices[] = {
	{ "disk", BOOT_DISK },
	{ "cdrom", BOOT_CDROM },
};

static const struct word disk_modes[] = {
	{ "auto", DISK_MODE_AUTO }, { "overlay", DISK_OVERLAY },   { "snapshot", DISK_SNAPSHOT },
	{ "direct", DISK_DIRECT },  { "readonly", DISK_READONLY },
};

static const struct word disk_devices[] = {
	{ "auto", DISK_DEVICE_AUTO }, { "virtio", DISK_VIRTIO }, { "scsi", DISK_SCSI },
	{ "sata", DISK_SATA },        { "nvme", DISK_NVME },     { "cdrom", DISK_CDROM },
};

static const struct word disk_formats[] = {
	{ "auto", DISK_FORMAT_AUTO },
	{ "raw", DISK_FORMAT_RAW },
	{ "qcow2", DISK_FORMAT_QCOW2 },
};

static const struct word disk_caches[] = {
	{ "writeback", DISK_CACHE_WRITEBACK },
	{ "none", DISK_CACHE_NONE },
	{ "writethrough", DISK_CACHE_WRITETHROUGH },
	{ "directsync", DISK_CACHE_DIRECTSYNC },
	{ "unsafe", DISK_CACHE_UNSAFE },
};

static const struct word network_kinds[] = {
	{ "lan", NETWORK_LAN },
	{ "user", NETWORK_USER },
	{ "private", NETWORK_PRIVATE },
};

static const struct word probes[] = {
	{ "normal", PROBE_NORMAL },
	{ "strict", PROBE_STRICT },
	{ "none", PROBE_NONE },
};

static const struct word promiscuous_modes[] = {
	{ "auto", PROMISCUOUS_AUTO },
	{ "on", PROMISCUOUS_ON },
	{ "off", PROMISCUOUS_OFF },
};

static const struct word network_paths[] = {
	{ "auto", PATH_AUTO },
	{ "routed", PATH_ROUTED },
	{ "bridged", PATH_BRIDGED },
};

static const struct word rtc_bases[] = {
	{ "utc", RTC_UTC },
	{ "localtime", RTC_LOCALTIME },
};

static const struct word consoles[] = {
	{ "stdio", CONSOLE_STDIO },
	{ "socket", CONSOLE_SOCKET },
	{ "none", CONSOLE_NONE },
};

static const struct word displays[] = {
	{ "none", DISPLAY_NONE },   { "gtk", DISPLAY_GTK }, { "sdl", DISPLAY_SDL },
	{ "spice", DISPLAY_SPICE }, { "vnc", DISPLAY_VNC },
};

static const struct word video_models[] = {
	{ "virtio", VIDEO_VIRTIO }, { "std", VIDEO_STD },       { "qxl", VIDEO_QXL },
	{ "vmware", VIDEO_VMWARE }, { "cirrus", VIDEO_CIRRUS }, { "bochs", VIDEO_BOCHS },
};

static const struct word audio_backends[] = {
	{ "none", AUDIO_NONE },   { "spice", AUDIO_SPICE }, { "pipewire", AUDIO_PIPEWIRE },
	{ "pulse", AUDIO_PULSE }, { "alsa", AUDIO_ALSA },
};

static const struct list ssh_key_list = SCHEMA_LIST(&type_path, NULL, struct cloud_init, ssh_keys,
						    ssh_key_count);

static const struct list package_list = SCHEMA_LIST(&type_cloud_init_package, NULL,
						    struct cloud_init, packages, package_count);

static const struct list command_list = SCHEMA_LIST(&type_text, LIMITS(0, COMMAND_MAX, "\t\n"),
						    struct guest_command, args, arg_count);

static const struct list run_list = SCHEMA_LIST(&type_cloud_init_command, &command_list,
						struct cloud_init, run, run_count);

static const struct list arg_list = SCHEMA_LIST(&type_text, LIMITS(0, ARG_MAX_BYTES, "\t\n"),
						struct definition, qemu.args, qemu.arg_count);

static const struct list file_list = SCHEMA_LIST(&type_path, NULL, struct definition, qemu.files,
						 qemu.file_count);

static const struct list order_list = SCHEMA_LIST(&type_words, WORDS(boot_devices),
						  struct definition, boot.order, boot.order_count);

/* name, type, offset, constraint, default_text, pin */
static const struct key topology_keys[] = {
	{ "sockets", &type_number_count, CPUS(topology.sockets), BOUNDS(1, CPUS_MAX, 0), "1",
	  PIN_NONE },
	{ "cores", &type_number_count, CPUS(topology.cores), BOUNDS(1, CPUS_MAX, 0), "1",
	  PIN_NONE },
	{ "threads", &type_number_count, CPUS(topology.threads), BOUNDS(1, CPUS_MAX, 0), "1",
	  PIN_NONE },
};

static const struct key machine_keys[] = {
	{ "type", &type_text_model, INSIDE(machine, type), NULL, "q35", PIN_MACHINE },
	{ "accel", &type_words, INSIDE(machine, accel), WORDS(accels), "auto", PIN_UNLOCKED },
	{ "cpu", &type_text_cpu, INSIDE(machine, cpu), NULL, "auto", PIN_UNLOCKED },
	{ "firmware", &type_path_firmware, INSIDE(machine, firmware), NULL, "bios", PIN_FIRMWARE },
	{ "secure-boot", &type_words_flag, INSIDE(machine, secure_boot), NULL, "false", PIN_NONE },
	{ "tpm", &type_words_flag, INSIDE(machine, tpm), NULL, "false", PIN_NONE },
};

static const struct key boot_keys[] = {
	{ "kernel", &type_path, INSIDE(boot, kernel), NULL, NULL, PIN_FILE },
	{ "initrd", &type_path, INSIDE(boot, initrd), NULL, NULL, PIN_FILE },
	{ "cmdline", &type_text, INSIDE(boot, cmdline), LIMITS(1, CMDLINE_MAX, ""), NULL,
	  PIN_NONE },
	{ "order", &schema_type_optional_list, INSIDE(boot, order), &order_list, NULL, PIN_NONE },
	{ "once", &type_words_unusual, INSIDE(boot, once), WORDS(boot_devices), NULL, PIN_NONE },
};

static const struct key smbios_keys[] = {
	{ "manufacturer", &type_text, offsetof(struct smbios, manufacturer),
	  LIMITS(1, SMBIOS_TEXT_MAX, ""), NULL, PIN_NONE },
	{ "product", &type_text, offsetof(struct smbios, product), LIMITS(1, SMBIOS_TEXT_MAX, ""),
	  NULL, PIN_NONE },
	{ "version", &type_text, offsetof(struct smbios, version), LIMITS(1, SMBIOS_TEXT_MAX, ""),
	  NULL, PIN_NONE },
	{ "serial", &type_text, offsetof(struct smbios, serial), LIMITS(1, SMBIOS_TEXT_MAX, ""),
	  NULL, PIN_NONE },
	{ "sku", &type_text, offsetof(struct smbios, sku), LIMITS(1, SMBIOS_TEXT_MAX, ""), NULL,
	  PIN_NONE },
	{ "family", &type_text, offsetof(struct smbios, family), LIMITS(1, SMBIOS_TEXT_MAX, ""),
	  NULL, PIN_NONE },
};

static const struct key disk_keys[] = {
	{ "image", &type_image, WHOLE, NULL, NULL, PIN_IMAGE },
	{ "sha256", &type_image_digest, DISK(sha256), DIGITS(SHA256_TEXT_SIZE), NULL, PIN_NONE },
	{ "sha512", &type_image_digest, DISK(sha512), DIGITS(SHA512_TEXT_SIZE), NULL, PIN_NONE },
	{ "mode", &type_words, DISK(mode), WORDS(disk_modes), "auto", PIN_NONE },
	{ "size", &type_number_size, DISK(size), BOUNDS(MIB, 64 * TIB, 0), NULL, PIN_NONE },
	{ "format", &type_words, DISK(format), WORDS(disk_formats), "auto", PIN_NONE },
	{ "device", &type_words, DISK(device), WORDS(disk_devices), "auto", PIN_NONE },
	{ "serial", &type_text_serial, DISK(serial), NULL, NULL, PIN_NONE },
	{ "cache", &type_words_unusual, DISK(cache), WORDS(disk_caches), NULL, PIN_NONE },
};

static const struct list disk_list = SCHEMA_LIST(&schema_type_mapping,
						 SCHEMA_KEYS("disks", disk_keys), struct definition,
						 disks, disk_count);

static const struct word share_drivers[] = {
	{ "9p", SHARE_9P },
	{ "virtiofs", SHARE_VIRTIOFS },
};

static const struct key share_keys[] = {
	{ "path", &type_path, SHARE(path), NULL, schema_required, PIN_UNLOCKED },
	{ "tag", &type_share_tag, SHARE(tag), NULL, schema_required, PIN_NONE },
	{ "readonly", &type_words_flag, SHARE(readonly), NULL, "false", PIN_NONE },
	{ "driver", &type_words, SHARE(driver), WORDS(share_drivers), "9p", PIN_NONE },
	{ "mount", &type_share_mount, SHARE(mount), NULL, NULL, PIN_NONE },
};

static const struct list share_list = SCHEMA_LIST(&schema_type_mapping,
						  SCHEMA_KEYS("shares", share_keys),
						  struct definition, shares, share_count);

static const struct list usb_list = SCHEMA_LIST(&type_usb, NULL, struct definition, usb, usb_count);

static const struct list search_list = SCHEMA_LIST(&type_address_domain, NULL, struct network,
						   search, search_count);

static const struct list port_list = SCHEMA_LIST(&type_port, NULL, struct network, ports,
						 port_count);

static const struct key credential_keys[] = {
	{ "name", &type_cloud_init_credential_name, CREDENTIAL(name), NULL, schema_required,
	  PIN_NONE },
	{ "value", &type_text, CREDENTIAL(value), LIMITS(0, CREDENTIAL_TEXT_MAX, "\t\n"), NULL,
	  PIN_NONE },
	{ "file", &type_path, CREDENTIAL(file), NULL, NULL, PIN_CREDENTIAL },
};

static const struct list credential_list = SCHEMA_LIST(
	&schema_type_mapping, SCHEMA_KEYS("credentials", credential_keys), struct definition,
	credentials, credential_count);

static const struct key network_keys[] = {
	{ "type", &type_network_kind, NETWORK(type), WORDS(network_kinds), "lan", PIN_NONE },
	{ "name", &type_text_name, NETWORK(name), NULL, NULL, PIN_NONE },
	{ "uplink", &type_address_uplink, NETWORK(uplink), NULL, "auto", PIN_UNLOCKED },
	{ "address", &type_address, WHOLE, NULL, "auto", PIN_UNLOCKED },
	{ "range", &type_address_range, WHOLE, NULL, "auto", PIN_UNLOCKED },
	{ "gateway", &type_address_gateway, WHOLE, NULL, "router", PIN_UNLOCKED },
	{ "dns", &type_address_dns, WHOLE, NULL, "auto", PIN_UNLOCKED },
	{ "search", &schema_type_optional_list, NETWORK(search), &search_list, NULL, PIN_NONE },
	{ "configure", &type_address_configure, NETWORK(configure), NULL, "auto", PIN_NONE },
	{ "model", &type_text_model, NETWORK(model), NULL, "virtio", PIN_NONE },
	{ "mac", &type_address_mac, WHOLE, NULL, "auto", PIN_MAC },
	{ "queues", &type_address_queues, NETWORK(queues), NULL, "auto", PIN_UNLOCKED },
	{ "probe", &type_words, NETWORK(probe), WORDS(probes), "normal", PIN_NONE },
	{ "promiscuous", &type_words, NETWORK(promiscuous), WORDS(promiscuous_modes), "auto",
	  PIN_UNLOCKED },
	{ "path", &type_words, NETWORK(path), WORDS(network_paths), "auto", PIN_UNLOCKED },
	{ "ports", &schema_type_list, NETWORK(ports), &port_list, NULL, PIN_NONE },
};

static const struct key cloud_init_keys[] = {
	{ "user-data", &type_path, CLOUD_INIT(user_data), NULL, NULL, PIN_FILE },
	{ "network-config", &type_path, CLOUD_INIT(network_config), NULL, NULL, PIN_FILE },
	{ "vendor-data", &type_path, CLOUD_INIT(vendor_data), NULL, NULL, PIN_FILE },
	{ "user", &type_cloud_init_user, CLOUD_INIT(user), NULL, "auto", PIN_UNLOCKED },
	{ "password", &type_cloud_init_password, CLOUD_INIT(password), LIMITS(1, PASSWORD_MAX, ""),
	  NULL, PIN_NONE },
	{ "ssh-keys", &type_cloud_init_ssh_keys, WHOLE, &ssh_key_list, "auto", PIN_UNLOCKED },
	{ "packages", &schema_type_optional_list, CLOUD_INIT(packages), &package_list, NULL,
	  PIN_NONE },
	{ "run", &schema_type_optional_list, CLOUD_INIT(run), &run_list, NULL, PIN_NONE },
};

static const struct key video_keys[] = {
	{ "model", &type_words_unusual, offsetof(struct video, model), WORDS(video_models), NULL,
	  PIN_NONE },
	{ "resolution", &type_number_resolution, offsetof(struct video, resolution),
	  BOUNDS(RESOLUTION_MIN, RESOLUTION_MAX, 0), NULL, PIN_NONE },
};

static const struct key qemu_keys[] = {
	{ "binary", &type_path_program, INSIDE(qemu, binary), NULL, "qemu-system-x86_64",
	  PIN_QEMU },
	{ "args", &schema_type_list, INSIDE(qemu, args), &arg_list, NULL, PIN_NONE },
	{ "files", &schema_type_optional_list, INSIDE(qemu, files), &file_list, NULL,
	  PIN_UNLOCKED },
};

static const struct key top_keys[] = {
	{ "name", &type_text_name, DEFINITION(name), NULL, schema_required, PIN_NONE },
	{ "uuid", &type_text_uuid, WHOLE, NULL, "auto", PIN_UUID },
	{ "cpus", &type_cpus, DEFINITION(cpus), SCHEMA_KEYS("cpus", topology_keys), "2", PIN_KEYS },
	{ "memory", &type_number_size, DEFINITION(memory), BOUNDS(8 * MIB, 16 * TIB, MIB), "2G",
	  PIN_NONE },
	{ "machine", &schema_type_mapping, DEFINITION(machine),
	  SCHEMA_KEYS("machine", machine_keys), "{}", PIN_KEYS },
	{ "boot", &schema_type_mapping, DEFINITION(boot), SCHEMA_KEYS("boot", boot_keys), "{}",
	  PIN_KEYS },
	{ "smbios", &schema_type_mapping, DEFINITION(smbios), SCHEMA_KEYS("smbios", smbios_keys),
	  NULL, PIN_KEYS },
	{ "disks", &schema_type_list, DEFINITION(disks), &disk_list, NULL, PIN_KEYS },
	{ "network", &type_network, WHOLE, SCHEMA_KEYS("network", network_keys), "{}", PIN_KEYS },
	{ "cloud-init", &type_cloud_init, DEFINITION(cloud_init),
	  SCHEMA_KEYS("cloud-init", cloud_init_keys), NULL, PIN_KEYS },
	{ "ignition", &type_path, DEFINITION(ignition), NULL, NULL, PIN_FILE },
	{ "credentials", &schema_type_optional_list, DEFINITION(credentials), &credential_list,
	  NULL, PIN_KEYS },
	{ "console", &type_words, DEFINITION(console), WORDS(consoles), "stdio", PIN_NONE },
	{ "display", &type_words, DEFINITION(display), WORDS(displays), "none", PIN_NONE },
	{ "video", &schema_type_mapping, DEFINITION(video), SCHEMA_KEYS("video", video_keys), NULL,
	  PIN_KEYS },
	{ "audio", &type_words_unusual, DEFINITION(audio), WORDS(audio_backends), NULL, PIN_NONE },
	{ "shares", &schema_type_list, DEFINITION(shares), &share_list, NULL, PIN_KEYS },
	{ "usb", &schema_type_list, DEFINITION(usb), &usb_list, NULL, PIN_UNLOCKED },
	{ "rtc", &type_words_unusual, DEFINITION(rtc), WORDS(rtc_bases), NULL, PIN_NONE },
	{ "rng", &type_words_flag, DEFINITION(rng), NULL, "true", PIN_NONE },
	{ "guest-agent", &type_words_flag, DEFINITION(guest_agent), NULL, "true", PIN_NONE },
	{ "vsock", &type_vsock, DEFINITION(vsock), NULL, "none", PIN_NONE },
	{ "shutdown-timeout", &type_number_duration, DEFINITION(shutdown_timeout),
	  BOUNDS(0, SHUTDOWN_MAX, 0), "60s", PIN_NONE },
	{ "qemu", &schema_type_mapping, DEFINITION(qemu), SCHEMA_KEYS("qemu", qemu_keys), "{}",
	  PIN_KEYS },
};

const struct keys keys_definition = { NULL, top_keys, ARRAY_SIZE(top_keys) };
