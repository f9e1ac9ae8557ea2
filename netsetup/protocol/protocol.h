// SPDX-License-Identifier: GPL-2.0-or-later
// The records between vmrun and vmrun-netsetup; vmrun-netsetup(8), PROTOCOL, tells it in words.
#ifndef NETSETUP_PROTOCOL_PROTOCOL_H
#define NETSETUP_PROTOCOL_PROTOCOL_H

#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/printable.h"

/*
 * Theory of operation: the socket is SOCK_SEQPACKET, so that a record is received whole or not at
 * all. Each record has a fixed size and begins with its header. The launcher sends one
 * RECORD_SETUP or RECORD_ADOPT; netsetup answers with any number of RECORD_CHANGE and one
 * RECORD_READY (with the tap's descriptors as SCM_RIGHTS) or RECORD_FAILED. From then on netsetup
 * sends RECORD_MOVED when the VM's place changes, and further RECORD_CHANGE; the launcher sends
 * nothing more but RECORD_DHCP, an answer to the guest, whose DHCP packets come as the same.
 * End-of-file from the launcher's side makes netsetup undo everything, say so by a RECORD_READY of
 * zeros, and exit. A record that is unknown, ill-sized or out of order ends netsetup. Instead of a
 * place the launcher may ask for a sweep, RECORD_CLEAN: the answer is a RECORD_CHANGE for each thing
 * swept and an empty RECORD_READY, or RECORD_FAILED.
 *
 * A launcher that cannot start helpers any more asks for a spare one, RECORD_SPARE: before its
 * request, and again when that spare has ended; see standby.h.
 */

#define PROTOCOL_MAGIC   0x76725253u /* "vrRS" */
#define PROTOCOL_VERSION 1

/* The descriptor on which netsetup finds its socket. */
#define PROTOCOL_FD 3

#define DNS_MAX        3 /* resolv.conf(5): MAXNS */
#define QUEUES_MAX     8 /* pairs of queues of a tap */
#define REMEMBERED_MAX 8 /* networks */

enum record_type {
	RECORD_SETUP = 1,
	RECORD_CHANGE,
	RECORD_READY,
	RECORD_FAILED,
	RECORD_ADOPT,
	RECORD_MOVED,
	RECORD_DHCP,
	RECORD_CLEAN,
	RECORD_SPARE,
};

/* Whether the VM is on the LAN. */
enum lan_state {
	LAN_UP,        /* reachable at its address */
	LAN_AWAY,      /* the uplink has no network; the VM waits for it */
	LAN_ELSEWHERE, /* the uplink is in another subnet than the guest, whose address is fixed */
	LAN_CONTESTED, /* another host insists on the address */
};

enum probe_mode {
	PROBE_NORMAL,
	PROBE_STRICT, /* RFC 5227 timing */
	PROBE_NONE,
};

enum gateway_mode {
	GATEWAY_ROUTER,
	GATEWAY_HOST,
	GATEWAY_ADDRESS,
};

enum promiscuous_mode {
	PROMISCUOUS_AUTO,
	PROMISCUOUS_ON,
	PROMISCUOUS_OFF,
};

/**
 * struct record_header - begins each record.
 * @magic: PROTOCOL_MAGIC.
 * @version: PROTOCOL_VERSION.
 * @type: enum record_type.
 * @size: of the whole record, in bytes.
 */
struct record_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t size;
};

/**
 * struct setup_record - the launcher asks for a place on the LAN.
 * @header: type RECORD_SETUP; or RECORD_ADOPT: the VM runs, its helper died, the tap's descriptors
 *          come with the record, and @remembered[0] is the address that it has.
 * @name: the VM's name, NUL-terminated.
 * @uuid: the VM's uuid, binary.
 * @uplink: the interface's name, or empty for auto.
 * @address: a fixed address, or 0.0.0.0 for auto.
 * @range_first, @range_last: both 0.0.0.0, or the bounds of what may be allocated, inclusive.
 * @remembered: addresses that this VM had on its last networks, the latest first, then 0.0.0.0; a
 *              hint: the first that lies in the uplink's subnet is tried first.
 * @gateway: when @gateway_mode is GATEWAY_ADDRESS, the gateway, else 0.0.0.0.
 * @dns: servers that will be told to the guest (never allocated), the first @dns_count of them.
 * @dns_count: 0..DNS_MAX.
 * @gateway_mode: enum gateway_mode.
 * @probe: enum probe_mode.
 * @promiscuous: enum promiscuous_mode.
 * @queues: 1..QUEUES_MAX.
 * @offload: 1: the tap gets vnet headers (IFF_VNET_HDR), which virtio and e1000e devices use.
 * @follow: 1: the guest can be told another address (DHCP): when the uplink comes to another subnet,
 *          or another host insists on the address, allocate a new one.
 * @dhcp: 1: pass the guest's DHCP packets on, as RECORD_DHCP, and the answers back.
 * @dry_run: 1: say what would be changed, and change nothing.
 * @verbose: 1: send a RECORD_CHANGE for each change to the host.
 */
struct setup_record {
	struct record_header header;
	char name[VM_NAME_SIZE];
	uint8_t uuid[16];
	char uplink[IFNAMSIZ];
	struct in_addr address;
	struct in_addr range_first;
	struct in_addr range_last;
	struct in_addr remembered[REMEMBERED_MAX];
	struct in_addr gateway;
	struct in_addr dns[DNS_MAX];
	uint32_t dns_count;
	uint8_t gateway_mode;
	uint8_t probe;
	uint8_t promiscuous;
	uint8_t queues;
	uint8_t offload;
	uint8_t follow;
	uint8_t dhcp;
	uint8_t dry_run;
	uint8_t verbose;
	uint8_t reserved[2]; /* 0 */
};

#define CHANGE_TEXT_SIZE 640

/**
 * struct change_record - one change to the host, as the command that a person would have typed.
 * @header: type RECORD_CHANGE.
 * @text: the command, NUL-terminated.
 */
struct change_record {
	struct record_header header;
	char text[CHANGE_TEXT_SIZE];
};

#define REASON_SIZE 160

/**
 * struct ready_record - the VM has its place on the LAN, or it has changed.
 * @header: type RECORD_READY; the tap's descriptors come with it, one for each queue, but not in the
 *          answer to RECORD_ADOPT. Type RECORD_MOVED: something changed, no descriptors.
 * @uplink: the uplink's name.
 * @ssid: printable text or empty.
 * @tap: the tap's name.
 * @address: the guest's.
 * @prefix_length: of the uplink's subnet, 1..30.
 * @router: of the LAN, or 0.0.0.0.
 * @gateway: the guest's default gateway, or 0.0.0.0 for none.
 * @host: the host's own address on the uplink.
 * @mtu: in bytes.
 * @queues: number of descriptors that came along; 0 for a dry run.
 * @wireless: 1 when the uplink is a Wi-Fi interface.
 * @state: enum lan_state.
 * @reason: why, for people, when @state is not LAN_UP, or when the address is another because of a
 *          rival; else empty.
 */
struct ready_record {
	struct record_header header;
	char uplink[IFNAMSIZ];
	char ssid[SSID_TEXT_SIZE];
	char tap[IFNAMSIZ];
	struct in_addr address;
	uint32_t prefix_length;
	struct in_addr router;
	struct in_addr gateway;
	struct in_addr host;
	uint32_t mtu;
	uint32_t queues;
	uint32_t wireless;
	uint32_t state;
	char reason[REASON_SIZE];
};

/**
 * struct failed_record - the VM has no place on the LAN, and the host is as before.
 * @header: type RECORD_FAILED.
 * @code: errno value, positive.
 * @status: enum exit_status.
 * @message: as struct error's.
 * @remedy: as struct error's.
 */
struct failed_record {
	struct record_header header;
	int32_t code;
	int32_t status;
	char message[ERROR_MESSAGE_SIZE];
	char remedy[ERROR_REMEDY_SIZE];
};

/* An Ethernet's MTU: no DHCP packet is larger (RFC 2131 section 2: 576 unless agreed otherwise). */
#define DHCP_PACKET_MAX 1500

/**
 * struct dhcp_record - one DHCP packet from the guest, or to it.
 * @header: type RECORD_DHCP.
 * @mac: from the guest: its hardware address; to it: where the frame goes, it or broadcast.
 * @checksum_unfinished: from the guest: 1 when its network card left the UDP checksum to ours
 *                       (TP_STATUS_CSUMNOTREADY).
 * @size: of the packet, bytes.
 * @packet: from its IPv4 header on.
 *
 * The socket stays with netsetup: whoever holds a packet socket can send on every interface
 * (packet_snd() in net/packet/af_packet.c takes the index from the address it is given), and so a
 * packet socket is not for the launcher.
 */
struct dhcp_record {
	struct record_header header;
	struct ether_addr mac;
	uint8_t checksum_unfinished;
	uint8_t reserved; /* 0 */
	uint32_t size;
	uint8_t packet[DHCP_PACKET_MAX];
};

/**
 * struct clean_record - the launcher asks to sweep what helpers that died have left.
 * @header: type RECORD_CLEAN.
 * @dry_run: 1: say what would be swept, and sweep nothing.
 */
struct clean_record {
	struct record_header header;
	uint8_t dry_run;
	uint8_t reserved[3]; /* 0 */
};

/**
 * struct spare_record - the launcher asks for a spare helper; its first word.
 * @header: type RECORD_SPARE; from the launcher with a socket, on which the spare is to listen.
 * @pid: from the spare: its process id; from the launcher: 0.
 */
struct spare_record {
	struct record_header header;
	int32_t pid;
};

/* The largest record, for a receiver's buffer. */
union record {
	struct record_header header;
	struct setup_record setup;
	struct change_record change;
	struct ready_record ready;
	struct failed_record failed;
	struct dhcp_record dhcp;
	struct clean_record clean;
	struct spare_record spare;
};

/* record_init() - fill in the header of a record of this type; the rest is set to zero. */
void record_init(void *record, enum record_type type);

/**
 * record_check() - whether received bytes are a whole, well-formed record: magic, version, known
 * type, size as its type has it, every string terminated.
 * @record: the bytes.
 * @size: how many there are.
 * @err: says what is wrong with it.
 *
 * Return: 0 or -EPROTO.
 */
int record_check(const void *record, size_t size, struct error *err);

/**
 * setup_check() - whether every field of a request is within its bounds, by itself and against the
 * others; what depends on the host (subnet, interface) is checked where it is used.
 * @setup: a record that passed record_check().
 * @err: names the field.
 *
 * Return: 0 or -EINVAL.
 */
int setup_check(const struct setup_record *setup, struct error *err);

/* clean_check() - the same for a request to sweep. */
int clean_check(const struct clean_record *clean, struct error *err);

/**
 * record_send() - send a record, and descriptors with it.
 * @socket: SOCK_SEQPACKET.
 * @record: begins with its header.
 * @fds: descriptors, or NULL.
 * @fd_count: how many, 0..QUEUES_MAX.
 * @err: EPIPE when the peer is gone.
 *
 * Return: 0 or a negative errno.
 */
int record_send(int socket, const void *record, const int *fds, size_t fd_count, struct error *err);

/**
 * record_receive() - receive one record; waits for it.
 * @socket: SOCK_SEQPACKET.
 * @record: the record, checked by record_check().
 * @fds: room for QUEUES_MAX descriptors, close-on-exec, all -1 when there are none; or NULL when
 *       none may come: those that do are closed and the record is refused.
 * @err: ECONNRESET at end-of-file.
 *
 * Return: 0, -ECONNRESET, -EPROTO or another negative errno.
 */
int record_receive(int socket, union record *record, int fds[QUEUES_MAX], struct error *err);

#endif
