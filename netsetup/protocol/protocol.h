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
#include "netsetup/base/modes.h"
#include "netsetup/base/netns.h"
#include "netsetup/protocol/verdict.h"

/*
 * Theory of operation (vmrun-netsetup(8), PROTOCOL): The socket is SOCK_SEQPACKET, so a record is
 * received completely or not at all. Each record has a fixed size and begins with its header. The
 * client, which is the launcher, never sends a descriptor. It sends one RECORD_ATTACH. The service
 * answers with any number of RECORD_CHANGE and one RECORD_READY (with descriptors as SCM_RIGHTS:
 * the tap's queues, then the DHCP socket) or RECORD_FAILED. From then on the client may send
 * RECORD_MOVE, which has one answer of the same kind without descriptors, and RECORD_WITHDRAW,
 * which has none. A request takes the place of one that is not answered yet. The service sends
 * RECORD_CONFLICT, RECORD_STRANGER, RECORD_VERDICT, RECORD_ACCESS, and after a restart
 * RECORD_RENEWED. End-of-file from the client makes the service undo all changes for this client,
 * report it by RECORD_DONE, and close the socket. A record that is unknown, ill-sized or out of
 * order has the same effect.
 *
 * Other requests take the place of an attachment, and end with RECORD_DONE or RECORD_FAILED.
 * RECORD_CLEAN removes what dead services have left: a RECORD_CHANGE comes for each removal.
 * RECORD_COUNT has a RECORD_COUNTS for each card of the client's user, for root of all users. A
 * RECORD_ATTACH that is a question to the kernel attaches nothing, and has a RECORD_VERDICT.
 *
 * Each card of a VM has its own connection. A client that has dropped the rights by which it
 * connected requests further connections with them before its first other request: RECORD_CONNECT.
 * The answer is RECORD_CONNECTED with the connection, or RECORD_FAILED.
 *
 * On the DHCP socket, also SOCK_SEQPACKET, pass RECORD_DHCP only, between the worker and the
 * client.
 */

#define PROTOCOL_MAGIC   0x76725253u /* "vrRS" */
#define PROTOCOL_VERSION 6

/* The descriptor on which a vmrun-netsetup that vmrun starts finds its first client's socket. */
#define PROTOCOL_FD 3

/* The service's socket: of systemd, and of any other service below the directory of netns_dir(). */
#define PROTOCOL_SOCKET_NAME "netsetup.sock"
#define PROTOCOL_SOCKET      NETNS_RUN_DIR "/" PROTOCOL_SOCKET_NAME

#define CARDS_MAX      8 /* cards of a VM on the LAN */
#define FDS_MAX        (QUEUES_MAX + 1)
#define REMEMBERED_MAX 8 /* networks */
#define AVOIDED_MAX    8

enum record_type {
	RECORD_ATTACH = 1,
	RECORD_MOVE,
	RECORD_WITHDRAW,
	RECORD_CLEAN,
	RECORD_CHANGE,
	RECORD_READY,
	RECORD_FAILED,
	RECORD_CONFLICT,
	RECORD_RENEWED,
	RECORD_DONE,
	RECORD_DHCP,
	RECORD_CONNECT,
	RECORD_CONNECTED,
	RECORD_STRANGER,
	RECORD_VERDICT,
	RECORD_ACCESS,
	RECORD_COUNT,
	RECORD_COUNTS,
};

enum probe_mode {
	PROBE_NORMAL,
	PROBE_STRICT, /* RFC 5227 timing */
	PROBE_NONE,
};

/* The answer to a firewall of the host that drops what the guest sends and receives. */
enum firewall_mode {
	FIREWALL_CHECK, /* ask the kernel, and report it */
	FIREWALL_ALLOW, /* add rules to its chains, too */
	FIREWALL_OFF,
};

/* The way of the VM's IPv4 packets. */
enum network_path {
	PATH_AUTO,
	PATH_ROUTED,  /* by the host's routes, where its firewall and policy rules apply */
	PATH_BRIDGED, /* below the host's IP stack, by a table of the uplink */
};

/*
 * The fate of the VM's packets, and of requests for its address, at the access point or in the
 * firmware of the uplink. The router is asked before a new address is announced.
 */
enum access_result {
	ACCESS_UNKNOWN,  /* not asked, not answered yet, or the router answers no such question */
	ACCESS_OPEN,     /* both pass */
	ACCESS_ANSWERED, /* packets pass; the router knew the address, so there was no request */
	ACCESS_HIDDEN,   /* packets pass; requests do not reach this host */
	ACCESS_REFUSED,  /* the router answers this host, but not the VM */
	ACCESS_RESULTS,
};

/**
 * struct record_header - the first member of each record. RECORD_WITHDRAW, RECORD_DONE,
 * RECORD_CONNECT and RECORD_COUNT have nothing else; neither has RECORD_RENEWED, which comes with a
 * new DHCP socket, nor RECORD_CONNECTED, which comes with a connection.
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
 * struct attach_record - a request to attach a card of a VM to the LAN, or to move it.
 * @header: type RECORD_ATTACH; or RECORD_MOVE: the VM is attached, and everything that it needs on
 *          this uplink is made true again. A move must repeat @name, @uuid, @owner, @card.
 * @name: must be vm_name_valid() and NUL-terminated.
 * @uuid: the VM's uuid, binary.
 * @owner: user ID of the VM's user. Only a client of user 0 may name another user.
 * @ifindex: the uplink, which the launcher has chosen.
 * @host: the host's address on it, which gives the subnet.
 * @address: the address that the VM must have; 0.0.0.0 for any. A VM whose guest cannot get another
 *           one is moved with its present one.
 * @range_first, @range_last: bounds of the addresses to allocate, inclusive, or both 0.0.0.0.
 * @remembered: addresses of this VM on its last networks, the best first, then 0.0.0.0. A hint:
 *              the service first tries one of the uplink's subnet, if possible one of this network.
 * @remembered_routers: hardware addresses of the routers of those networks; zero if unknown.
 * @avoided: addresses that are never allocated: of the gateway, DNS servers, an insisting host;
 *           then 0.0.0.0.
 * @gateway: next hop of what the guest sends beyond the LAN, in a subnet of the uplink or the next
 *           hop of its default route; 0.0.0.0 for none.
 * @tap_ifindex: RECORD_ATTACH of a VM that runs, after the service lost its connection: index of
 *               the VM's tap; else 0.
 * @mac: the guest's hardware address.
 * @probe: enum probe_mode.
 * @promiscuous: enum promiscuous_mode.
 * @path: enum network_path. A VM that is attached keeps its path: a move has it, or PATH_AUTO.
 * @queues: 1..QUEUES_MAX.
 * @offload: 1: make a tap with vnet headers (IFF_VNET_HDR), which virtio and e1000e devices use.
 * @dhcp: 1: make a DHCP socket.
 * @named: 1: the user has named the uplink; 0: it has the default route.
 * @host_routes: 1: what the guest sends takes this host's routes, not @gateway.
 * @firewall: enum firewall_mode.
 * @question: 1: no VM is attached, the kernel is asked if it would forward its packets. If the
 *            client's user has a routed VM on this uplink, it is asked for that one; if not, for an
 *            address that nobody is told. All but @name, @owner, @ifindex, @host, @mac and @named
 *            must be those of question_valid() in protocol.c.
 * @announce: 1: announce the address, even if nothing has changed.
 * @dry_run: 1: report the changes without making them. Such a VM cannot be moved.
 * @verbose: 1: send a RECORD_CHANGE for each change to the host.
 * @card: 0..CARDS_MAX - 1. Each card has its own tap and address.
 */
struct attach_record {
	struct record_header header;
	char name[VM_NAME_SIZE];
	uint8_t uuid[16];
	uint32_t owner;
	uint32_t ifindex;
	struct in_addr host;
	struct in_addr address;
	struct in_addr range_first;
	struct in_addr range_last;
	struct in_addr remembered[REMEMBERED_MAX];
	struct ether_addr remembered_routers[REMEMBERED_MAX];
	struct in_addr avoided[AVOIDED_MAX];
	struct in_addr gateway;
	uint32_t tap_ifindex;
	struct ether_addr mac;
	uint8_t probe;
	uint8_t promiscuous;
	uint8_t path;
	uint8_t queues;
	uint8_t offload;
	uint8_t dhcp;
	uint8_t named;
	uint8_t announce;
	uint8_t dry_run;
	uint8_t verbose;
	uint8_t card;
	uint8_t host_routes;
	uint8_t firewall;
	uint8_t question;
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

/**
 * struct ready_record - the VM is attached to the LAN.
 * @header: type RECORD_READY.
 * @tap: the tap's name.
 * @tap_ifindex: its index; 0 in a dry run.
 * @address: the guest's.
 * @queues: number of tap descriptors with this record; 0 for a move, a resumed tap or a dry run.
 * @dhcp: 1: a DHCP socket follows them.
 * @router_mac: hardware address of the LAN's router, by which the network can be known again; zero
 *              if unknown.
 * @access: enum access_result.
 * @path: PATH_ROUTED or PATH_BRIDGED.
 * @verdict: which of the guest's packets the host forwards.
 */
struct ready_record {
	struct record_header header;
	char tap[IFNAMSIZ];
	uint32_t tap_ifindex;
	struct in_addr address;
	uint32_t queues;
	uint32_t dhcp;
	struct ether_addr router_mac;
	uint8_t access;
	uint8_t path;
	uint8_t reserved[4]; /* 0 */
	struct verdict verdict;
};

/**
 * struct failed_record - a request failed. After RECORD_ATTACH all changes to the host are undone.
 * After RECORD_MOVE the VM keeps its tap, and may be off the LAN.
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

/**
 * struct conflict_record - another host insists on the VM's address: it claimed it again within 10
 * s (RFC 5227 section 2.4). It is sent for each such claim, at most once a second. Or
 * RECORD_STRANGER: the guest sends from another address than its own, which nothing passes. It is
 * sent once for each address of the VM.
 * @mac: hardware address of that host; RECORD_STRANGER: from which the guest sends.
 * @address: the address, which may be no longer the VM's; RECORD_STRANGER: the foreign one.
 */
struct conflict_record {
	struct record_header header;
	struct ether_addr mac;
	uint8_t reserved[2]; /* 0 */
	struct in_addr address;
};

/**
 * struct verdict_record - which of the guest's packets the host forwards now. It is sent after each
 * question that follows the answer to RECORD_ATTACH, and as the answer to a question.
 */
struct verdict_record {
	struct record_header header;
	uint8_t reserved[4]; /* 0 */
	struct verdict verdict;
};

/**
 * struct access_record - the access point's treatment of the VM's address is known now.
 * @access: enum access_result.
 */
struct access_record {
	struct record_header header;
	uint8_t access;
	uint8_t reserved[3]; /* 0 */
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
 * net/packet/af_packet.c takes the index from the caller's address). So the socket stays in the
 * worker, whose seccomp filter permits no address, and the launcher gets the packets only.
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
 * struct clean_record - a request to remove what dead services have left.
 * @header: type RECORD_CLEAN.
 * @dry_run: 1: report the stale state without removing it.
 */
struct clean_record {
	struct record_header header;
	uint8_t dry_run;
	uint8_t reserved[3]; /* 0 */
};

/* Hops of a guest's frames and packets on this host, in their order. */
enum count {
	COUNT_CHECKED,     /* from the guest: it may send them */
	COUNT_OUT_REACHED, /* routed: to be forwarded, before any firewall */
	COUNT_OUT_PASSED,  /* routed: after all of their chains that forwarded packets pass */
	COUNT_IN_REACHED,  /* routed: the same to the guest */
	COUNT_IN_PASSED,
	COUNT_ARRIVED, /* bridged: unicast from the LAN to the guest */
	COUNTS,
};

/**
 * struct counts_record - frames of one card of a VM, since the VM was put there or its address
 * changed. The tap's own counters begin and end the way.
 * @tap, @tap_ifindex: the tap.
 * @path: PATH_ROUTED or PATH_BRIDGED.
 * @counts: by enum count; 0 where the path has no such hop.
 */
struct counts_record {
	struct record_header header;
	uint32_t tap_ifindex;
	char tap[IFNAMSIZ];
	uint32_t path;
	uint32_t reserved; /* 0 */
	uint64_t counts[COUNTS];
};

/* A receive buffer for all records. */
union record {
	struct record_header header;
	struct attach_record attach;
	struct clean_record clean;
	struct change_record change;
	struct ready_record ready;
	struct failed_record failed;
	struct conflict_record conflict;
	struct verdict_record verdict;
	struct access_record access;
	struct dhcp_record dhcp;
	struct counts_record counts;
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
 * protocol_attach_check() - check the bounds of each field of a request, by itself and against the
 * others. Checks that depend on the host (subnet, interface) are where the fields are used.
 * @attach: must have passed protocol_record_check().
 * @err: names the field.
 *
 * Return: 0 or -EINVAL.
 */
int protocol_attach_check(const struct attach_record *attach, struct error *err);

/* protocol_clean_check() - check the fields of a RECORD_CLEAN like protocol_attach_check(). */
int protocol_clean_check(const struct clean_record *clean, struct error *err);

/**
 * protocol_send() - send a record with descriptors, without waiting.
 * @socket: SOCK_SEQPACKET.
 * @record: must have been made by protocol_record_init().
 * @fds: @fd_count descriptors, 0..FDS_MAX, owned by the caller; may be NULL for none.
 *
 * Return: 0, -EPIPE if the peer has closed the socket, or another negative errno.
 */
int protocol_send(int socket, const void *record, const int *fds, size_t fd_count,
		  struct error *err);

/**
 * protocol_receive() - wait for one record and check it by protocol_record_check().
 * @socket: SOCK_SEQPACKET.
 * @fds: FDS_MAX descriptors, close-on-exec, owned by the caller, -1 where there is none. NULL
 *       has the kernel drop the descriptors of a hostile peer, and refuses the record.
 *
 * Return: 0, -ECONNRESET at end-of-file, -EPROTO or another negative errno.
 */
int protocol_receive(int socket, union record *record, int fds[FDS_MAX], struct error *err);

#endif
