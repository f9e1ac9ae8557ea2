// SPDX-License-Identifier: GPL-2.0-or-later
// Makes, checks, sends and receives the records between vmrun and vmrun-netsetup.
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
 * Theory of operation (vmrun-netsetup(8), PROTOCOL): The socket is SOCK_SEQPACKET, so a record is
 * received completely or not at all. Each record has a fixed size and begins with its header. The
 * launcher sends one RECORD_SETUP or RECORD_ADOPT. netsetup answers with any number of
 * RECORD_CHANGE and one RECORD_READY (with the tap's descriptors as SCM_RIGHTS) or RECORD_FAILED.
 * From then on netsetup sends RECORD_MOVED when the VM's attachment changes, RECORD_CHANGE, and the
 * guest's DHCP packets as RECORD_DHCP. The launcher sends nothing but RECORD_DHCP, for the guest.
 * End-of-file from the launcher makes netsetup undo all changes, report it by a RECORD_READY of
 * zeros, and exit. A record that is unknown, ill-sized or out of order ends netsetup. Instead of an
 * attachment the launcher may request to remove stale state, RECORD_CLEAN. The answer is a
 * RECORD_CHANGE for each removal and an empty RECORD_READY, or RECORD_FAILED.
 */

#define PROTOCOL_MAGIC   0x76725253u /* "vrRS" */
#define PROTOCOL_VERSION 2

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
};

/* The state of the VM's attachment to the LAN. */
enum lan_state {
	LAN_UP,        /* the VM is reachable at its address */
	LAN_AWAY,      /* the uplink has no network; netsetup waits for one */
	LAN_ELSEWHERE, /* the uplink is in another subnet than the guest's fixed address */
	LAN_CONFLICT,  /* address conflict: another host keeps using the address */
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
 * struct record_header - the first member of each record.
 * @magic: PROTOCOL_MAGIC.
 * @version: PROTOCOL_VERSION.
 * @type: enum record_type.
 * @size: bytes of the record, header included.
 */
struct record_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t size;
};

/**
 * struct setup_record - a request of the launcher for an attachment to the LAN.
 * @header: type RECORD_SETUP; or RECORD_ADOPT: the VM runs, its helper died, the record has the
 *          tap's descriptors, and @remembered[0] is the VM's address.
 * @name: must be vm_name_valid() and NUL-terminated.
 * @uuid: the VM's uuid, binary.
 * @uplink: the interface's name; empty for auto.
 * @address: a fixed address; 0.0.0.0 for auto.
 * @range_first, @range_last: bounds of the addresses to allocate, inclusive, or both 0.0.0.0.
 * @remembered: addresses of this VM on its last networks, the latest first, then 0.0.0.0. A hint:
 *              netsetup tries the first one in the uplink's subnet first.
 * @gateway: the gateway if @gateway_mode is GATEWAY_ADDRESS, else 0.0.0.0.
 * @dns: the guest's @dns_count DNS servers, whose addresses netsetup never allocates.
 * @dns_count: 0..DNS_MAX.
 * @gateway_mode: enum gateway_mode.
 * @probe: enum probe_mode.
 * @promiscuous: enum promiscuous_mode.
 * @queues: 1..QUEUES_MAX.
 * @offload: 1: make a tap with vnet headers (IFF_VNET_HDR), which virtio and e1000e devices use.
 * @roam: 1: allocate a new address when the uplink changes to another subnet or another host keeps
 *        using the address. The guest must use DHCP.
 * @dhcp: 1: forward the guest's DHCP packets and their answers, as RECORD_DHCP.
 * @dry_run: 1: report the changes without making them.
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
	uint8_t roam;
	uint8_t dhcp;
	uint8_t dry_run;
	uint8_t verbose;
	uint8_t reserved[2]; /* 0 */
};

#define CHANGE_TEXT_SIZE 640

/**
 * struct change_record - one change to the host.
 * @header: type RECORD_CHANGE.
 * @text: the command that would make the change, NUL-terminated.
 */
struct change_record {
	struct record_header header;
	char text[CHANGE_TEXT_SIZE];
};

#define REASON_SIZE 160

/**
 * struct ready_record - the VM's attachment to the LAN, new or changed.
 * @header: type RECORD_READY, with one tap descriptor for each queue, but none in the answer to
 *          RECORD_ADOPT; or type RECORD_MOVED after a change, without descriptors.
 * @uplink: the uplink's name.
 * @ssid: from printable(); may be empty.
 * @tap: the tap's name.
 * @address: the guest's.
 * @prefix_length: of the uplink's subnet, 1..30.
 * @router: of the LAN, or 0.0.0.0.
 * @gateway: the guest's default gateway, or 0.0.0.0 for none.
 * @host: the host's own address on the uplink.
 * @mtu: bytes.
 * @queues: number of descriptors; 0 for a dry run.
 * @wireless: 1 if the uplink is a Wi-Fi interface.
 * @state: enum lan_state.
 * @reason: text for users if @state is not LAN_UP, or if a conflicting host made netsetup change
 *          the address; else empty.
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
 * struct failed_record - the VM has no attachment; all changes to the host are undone.
 * @header: type RECORD_FAILED.
 * @code, @status, @message, @remedy: as in struct error.
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
 * struct dhcp_record - one DHCP packet from or to the guest.
 * @header: type RECORD_DHCP.
 * @mac: from the guest: its hardware address; to the guest: the frame's target, may be broadcast.
 * @checksum_unfinished: from the guest: 1 if its network card left the UDP checksum to the host's
 *                       (TP_STATUS_CSUMNOTREADY).
 * @size: bytes of the packet.
 * @packet: begins with the IPv4 header.
 *
 * Threat: a process with a packet socket can send on each interface (packet_snd() in
 * net/packet/af_packet.c takes the index from the caller's address). So the socket stays in
 * netsetup, and the launcher gets the packets only.
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
 * struct clean_record - a request of the launcher to remove stale state of helpers that died.
 * @header: type RECORD_CLEAN.
 * @dry_run: 1: report the stale state without removing it.
 */
struct clean_record {
	struct record_header header;
	uint8_t dry_run;
	uint8_t reserved[3]; /* 0 */
};

/* A receive buffer for all records. */
union record {
	struct record_header header;
	struct setup_record setup;
	struct change_record change;
	struct ready_record ready;
	struct failed_record failed;
	struct dhcp_record dhcp;
	struct clean_record clean;
};

/* protocol_record_init() - fill in the header of a record and set the rest to zero. */
void protocol_record_init(void *record, enum record_type type);

/**
 * protocol_record_check() - check the form of a received record: magic, version, a known type, the
 * size of its type, and a NUL in each text.
 * @record: @size untrusted bytes.
 *
 * Return: 0 or -EPROTO.
 */
int protocol_record_check(const void *record, size_t size, struct error *err);

/**
 * protocol_setup_check() - check the bounds of each field of a request, by itself and against the
 * others. Checks that depend on the host (subnet, interface) are where the fields are used.
 * @setup: must have passed protocol_record_check().
 * @err: names the field.
 *
 * Return: 0 or -EINVAL.
 */
int protocol_setup_check(const struct setup_record *setup, struct error *err);

/* protocol_clean_check() - check the fields of a RECORD_CLEAN like protocol_setup_check(). */
int protocol_clean_check(const struct clean_record *clean, struct error *err);

/**
 * protocol_send() - send a record with descriptors, without waiting.
 * @socket: SOCK_SEQPACKET.
 * @record: must have been made by protocol_record_init().
 * @fds: @fd_count descriptors, 0..QUEUES_MAX, owned by the caller; may be NULL for none.
 *
 * Return: 0, -EPIPE if the peer has closed the socket, or another negative errno.
 */
int protocol_send(int socket, const void *record, const int *fds, size_t fd_count,
		  struct error *err);

/**
 * protocol_receive() - wait for one record and check it by protocol_record_check().
 * @socket: SOCK_SEQPACKET.
 * @fds: QUEUES_MAX descriptors, close-on-exec, owned by the caller, -1 where there is none. NULL
 *       refuses a record with descriptors and closes them.
 *
 * Return: 0, -ECONNRESET at end-of-file, -EPROTO or another negative errno.
 */
int protocol_receive(int socket, union record *record, int fds[QUEUES_MAX], struct error *err);

#endif
