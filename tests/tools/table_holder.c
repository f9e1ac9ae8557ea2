// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the table of an uplink as the service does, for tests that give it commands.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/host/host.h"
#include "netsetup/table/batch.h"

/*
 * usage: table_holder UPLINK [VERBOSE]
 *
 * Reads commands from its input, answers each with "ok ..." or "error CODE MESSAGE", and holds the
 * table until its input ends:
 *
 *   open                         make the table and the gate
 *   refresh                      read the host's addresses again
 *   guest TAP NETNS OFFLOAD      make a tap, and join it to an eth0 in a namespace; 1: offloads
 *   tap TAP                      make a tap without a guest
 *   up TAP MAC MTU               bring the tap up
 *   vm TAP MAC ADDRESS PATH      put the guest into the table; PATH: routed, bridged
 *   delete TAP                   take it out
 *   unrule CHAIN HANDLE          delete a rule, to see what fails without it
 *   unplug TAP                   remove the tap
 *   close                        close the table's descriptors
 */

#define FRAME_MAX   (1 << 17)
#define BURST       64
#define HEADER_SIZE 12 /* struct virtio_net_hdr_mrg_rxbuf, as QEMU has it */
#define WORDS       6

static struct host host;
static struct interface_id uplink;
static struct host_table table = { -1, -1, -1, 0 };

static int set_offloads(int tap, bool offload)
{
	int size = HEADER_SIZE;

	return offload && (ioctl(tap, TUNSETVNETHDRSZ, &size) < 0 ||
			   ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
		       ? -1
		       : 0;
}

/* Passes the frames of one side to the other; what does not fit its queue is lost. */
static void pass(const int ends[2])
{
	static char frame[FRAME_MAX];

	for (int from = 0; from < 2; from++) {
		for (int i = 0; i < BURST; i++) {
			const ssize_t size = read(ends[from], frame, sizeof(frame));

			if (size < 0 && errno == EBADFD)
				exit(0); /* the tap is gone */
			if (size <= 0)
				break;
			if (write(ends[!from], frame, (size_t)size) < 0)
				continue;
		}
	}
}

static int run_close(char **word, struct error *err)
{
	close(table.owner);
	close(table.gate);
	close(table.groups);
	table = (struct host_table){ -1, -1, -1, 0 };
	return 0;
}

/* Stands in for QEMU: the guest is the kernel's stack in a namespace, with an interface eth0. */
static void relay(int tap, const char *netns, bool offload)
{
	struct ifreq request = { .ifr_name = "eth0",
				 .ifr_flags = (short)(IFF_TAP | IFF_NO_PI |
						      (offload ? IFF_VNET_HDR : 0)) };
	int ends[2] = { tap, -1 };
	char path[128];
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		exit(1);
	ends[1] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (ends[1] < 0 || ioctl(ends[1], TUNSETIFF, &request) < 0 ||
	    set_offloads(ends[1], offload) < 0 || set_offloads(tap, offload) < 0 ||
	    fcntl(tap, F_SETFL, O_NONBLOCK) < 0)
		exit(1);
	for (;;) {
		struct pollfd ready[2] = { { ends[0], POLLIN, 0 }, { ends[1], POLLIN, 0 } };

		poll(ready, 2, -1);
		if ((ready[0].revents | ready[1].revents) & (POLLERR | POLLNVAL))
			exit(0);
		pass(ends);
	}
}

static struct interface_id tap_of(const char *name)
{
	return (struct interface_id){ name, if_nametoindex(name) };
}

static int run_guest(char **word, struct error *err)
{
	unsigned int ifindex;
	int fd = -1;
	int ret;

	ret = host_tap_add(&host, word[1], 1, *word[3] == '1', &fd, &ifindex, err);
	if (ret < 0)
		return ret;
	if (fork() == 0) {
		run_close(NULL, NULL);
		relay(fd, word[2], *word[3] == '1');
	}
	close(fd);
	return 0;
}

/* Its descriptor stays open, and with it the tap. */
static int run_tap(char **word, struct error *err)
{
	unsigned int ifindex;
	int fd = -1;

	return host_tap_add(&host, word[1], 1, false, &fd, &ifindex, err);
}

static int run_up(char **word, struct error *err)
{
	struct ether_addr mac;

	if (!ether_aton_r(word[2], &mac))
		return error_set_errno(err, EINVAL, "no MAC");
	return host_link_up(&host, tap_of(word[1]), &mac, (unsigned int)atoi(word[3]), err);
}

static int run_vm(char **word, struct error *err)
{
	struct table_vm vm = { .tap = tap_of(word[1]),
			       .path = strcmp(word[4], "bridged") ? TABLE_ROUTED : TABLE_BRIDGED };

	if (!ether_aton_r(word[2], &vm.mac) || !inet_aton(word[3], &vm.address))
		return error_set_errno(err, EINVAL, "no MAC or address");
	return host_table_vm(&host, uplink, table.owner, &vm, err);
}

static int run_open(char **word, struct error *err)
{
	const int ret = host_table_open(&host, uplink, &table, err);

	return ret < 0 ? ret : host_table_bridge(&host, uplink, &table, err);
}

static int run_refresh(char **word, struct error *err)
{
	return host_table_refresh(&host, uplink, table.owner, err);
}

static int run_delete(char **word, struct error *err)
{
	return host_table_vm_delete(&host, uplink, table.owner, tap_of(word[1]), err);
}

static int run_unplug(char **word, struct error *err)
{
	return host_link_delete(&host, tap_of(word[1]), err);
}

static int run_unrule(char **word, struct error *err)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];
	struct nlmsghdr *message;

	batch_begin(&batch, table_name(uplink.ifname, name));
	message = batch_message(&batch, NFT_MSG_DELRULE, 0, NULL);
	if (!rule || !message)
		return error_set_errno(err, ENOMEM, "cannot make a message");
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, name);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, word[1]);
	nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, strtoull(word[2], NULL, 10));
	nftnl_rule_nlmsg_build_payload(message, rule);
	nftnl_rule_free(rule);
	batch_add(&batch, message);
	return batch_commit(&batch, table.owner, err);
}

static const struct {
	const char *name;
	int words;
	int (*run)(char **word, struct error *err);
} commands[] = {
	{ "open", 1, run_open },     { "refresh", 1, run_refresh }, { "guest", 4, run_guest },
	{ "up", 4, run_up },         { "vm", 5, run_vm },           { "delete", 2, run_delete },
	{ "tap", 2, run_tap },       { "unplug", 2, run_unplug },   { "close", 1, run_close },
	{ "unrule", 3, run_unrule },
};

static int run(char **word, int words, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (words == commands[i].words && !strcmp(word[0], commands[i].name))
			return commands[i].run(word, err);
	return error_setf(err, STATUS_USAGE, EINVAL, "no such command");
}

static void print_report(const char *command, void *context)
{
	fprintf(stderr, "%s\n", command);
}

int main(int argc, char **argv)
{
	static char line[256];
	struct error err;

	if (argc < 2)
		return 2;
	uplink = tap_of(argv[1]);
	host.report = argc > 2 ? print_report : NULL;
	signal(SIGCHLD, SIG_IGN);
	if (netlink_open(NETLINK_ROUTE, &host.route, &err) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		char *word[WORDS] = { NULL }, *rest = line;
		int words = 0, ret;

		while (words < WORDS && (word[words] = strtok_r(rest, " \n", &rest)))
			words++;
		err = (struct error){ 0 };
		ret = words ? run(word, words, &err) : -EINVAL;
		if (ret < 0)
			printf("error %d %s\n", -ret, err.message);
		else
			printf("ok %u\n", table.gate_ifindex);
		fflush(stdout);
	}
	return 0;
}
