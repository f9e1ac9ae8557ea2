// SPDX-License-Identifier: GPL-2.0-or-later
// A launcher without QEMU: asks vmrun-netsetup for places on the LAN and tells how long it took.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/lan/uplink.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/protocol/netsetup.h"

/* Ignores the messages of the helper. */
static const struct netsetup_listener deaf;

/* The most VMs at once. */
#define MANY_MAX 100

static const char usage[] =
	"usage: plumb rounds COUNT PROBE SCRIPT   the script ('SCRIPT up', 'SCRIPT down') and\n"
	"                                         vmrun-netsetup in turn, without and with the\n"
	"                                         question to the firewall; microseconds\n"
	"       plumb many COUNT PROBE            VMs at once; seconds, then each one's address\n"
	"       plumb each COUNT PROBE            the same one after another\n"
	"       plumb hold COUNT PROBE PATH       VMs until the end of standard input; each one's\n"
	"                                         address, tap, descriptor of the tap\n"
	"PROBE: normal, strict or none; PATH: auto, routed or bridged\n";

static const char *const probes[] = { "normal", "strict", "none" };
static const char *const paths[] = { "auto", "routed", "bridged" };

static void die(const struct error *err)
{
	fprintf(stderr, "plumb: %s\n%s", err->message, err->remedy);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The place of the word in a list of three, as in enum probe_mode and enum network_path. */
static unsigned int read_word(const char *word, const char *const words[3])
{
	for (unsigned int i = 0; i < 3; i++)
		if (!strcmp(word, words[i]))
			return i;
	fputs(usage, stderr);
	exit(2);
}

static enum probe_mode read_probe(const char *word)
{
	return (enum probe_mode)read_word(word, probes);
}

static void start(struct netsetup *netsetup)
{
	struct error err = { 0 };

	*netsetup = (struct netsetup)NETSETUP_NONE;
	if (netsetup_open(netsetup, false, &err) < 0)
		die(&err);
}

/* As vmrun asks for a VM with one virtio card whose definition leaves everything open. */
static void setup(struct netsetup *netsetup, unsigned int number, enum probe_mode probe,
		  enum network_path path, enum firewall_mode firewall, struct netsetup_lan *lan)
{
	struct attach_record attach;
	struct uplink uplink;
	struct error err = { 0 };

	if (uplink_find(&(struct uplink_search){ 0 }, &uplink, &err) < 0)
		die(&err);
	protocol_record_init(&attach, RECORD_ATTACH);
	attach.ifindex = uplink.ifindex;
	attach.host = uplink.prefix.address;
	snprintf(attach.name, sizeof(attach.name), "bench-%u", number);
	memset(attach.uuid, (int)number + 1, sizeof(attach.uuid));
	attach.mac = (struct ether_addr){ { 0x52, 0x54, 0, 0, (uint8_t)(number >> 8),
					    (uint8_t)number } };
	attach.probe = (uint8_t)probe;
	attach.path = (uint8_t)path;
	attach.firewall = (uint8_t)firewall;
	attach.queues = 1;
	attach.offload = 1;
	*lan = (struct netsetup_lan)NETSETUP_LAN_NONE;
	if (netsetup_ask(netsetup, &attach, &err) < 0 ||
	    netsetup_await(netsetup, &attach, &deaf, lan, &err) < 0)
		die(&err);
}

static void end(struct netsetup *netsetup, struct netsetup_lan *lan)
{
	/* In the order of lan_end(). */
	netsetup_end(netsetup, &deaf);
	netsetup_lan_done(lan);
}

static void run_script(const char *script, const char *verb)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl(script, script, verb, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "plumb: '%s %s' failed\n", script, verb);
		exit(1);
	}
}

static void tell(const char *name, const double *times, size_t count)
{
	printf("%s", name);
	for (size_t i = 1; i < count; i++)
		printf(" %.0f", (times[i] - times[i - 1]) * 1e6);
	printf("\n");
}

static void time_script(const char *script)
{
	double times[3];

	times[0] = now();
	run_script(script, "up");
	times[1] = now();
	run_script(script, "down");
	times[2] = now();
	tell("recipe", times, 3);
}

static void time_netsetup(enum probe_mode probe, enum firewall_mode firewall, const char *name)
{
	struct netsetup netsetup;
	double times[5];
	struct netsetup_lan lan;

	times[0] = now();
	start(&netsetup);
	times[1] = now();
	setup(&netsetup, 0, probe, PATH_AUTO, firewall, &lan);
	times[2] = now();
	end(&netsetup, &lan);
	times[3] = now();
	/* The service's own end, for which no user waits. */
	while (wait(NULL) > 0)
		continue;
	times[4] = now();
	tell(name, times, 5);
}

static int rounds(unsigned int count, enum probe_mode probe, const char *script)
{
	for (unsigned int i = 0; i < count; i++) {
		time_script(script);
		time_netsetup(probe, FIREWALL_OFF, "netsetup");
	}
	for (unsigned int i = 0; i < count; i++)
		time_netsetup(probe, FIREWALL_CHECK, "asked");
	return 0;
}

/* In a child, as each vmrun is a process of its own: writes the address when it has one. */
static void one_of_many(unsigned int number, enum probe_mode probe, int told, int stop)
{
	struct netsetup netsetup;
	struct netsetup_lan lan;
	char byte;

	start(&netsetup);
	setup(&netsetup, number, probe, PATH_AUTO, FIREWALL_CHECK, &lan);
	if (write(told, &lan.ready.address, sizeof(lan.ready.address)) < 0 ||
	    read(stop, &byte, 1) < 0)
		exit(1);
	end(&netsetup, &lan);
	exit(0);
}

static int many(unsigned int count, enum probe_mode probe, bool together)
{
	struct in_addr addresses[MANY_MAX];
	char text[IPV4_TEXT_SIZE];
	int told[2], stop[2];
	unsigned int have = 0;
	double times[3];
	int failed = 0;
	int status;

	if (count > MANY_MAX || pipe(told) < 0 || pipe(stop) < 0)
		return 1;
	times[0] = now();
	for (unsigned int i = 0; i < count; i++) {
		if (fork() == 0) {
			close(stop[1]);
			one_of_many(i, probe, told[1], stop[0]);
		}
		if (!together && read(told[0], &addresses[have++], sizeof(*addresses)) <= 0)
			return 1;
	}
	close(told[1]);
	while (have < count && read(told[0], &addresses[have], sizeof(*addresses)) > 0)
		have++;
	times[1] = now();
	close(stop[1]);
	while (wait(&status) > 0)
		failed |= status;
	times[2] = now();
	printf("%.6f %.6f\n", times[1] - times[0], times[2] - times[1]);
	for (unsigned int i = 0; i < have; i++)
		printf("%s\n", ipv4_text(addresses[i], text));
	return failed || have < count;
}

static int hold(unsigned int count, enum probe_mode probe, enum network_path path)
{
	struct netsetup netsetup[MANY_MAX];
	struct netsetup_lan lan[MANY_MAX];
	char text[IPV4_TEXT_SIZE];
	char byte;

	if (count > MANY_MAX)
		return 1;
	for (unsigned int i = 0; i < count; i++) {
		start(&netsetup[i]);
		setup(&netsetup[i], i, probe, path, FIREWALL_CHECK, &lan[i]);
		printf("%s %s %d\n", ipv4_text(lan[i].ready.address, text), lan[i].ready.tap,
		       lan[i].tap_fds[0]);
	}
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	/* The first one's service, which is a child, has the others. */
	while (count-- > 0)
		end(&netsetup[count], &lan[count]);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;

	if (argc == 5 && !strcmp(argv[1], "rounds"))
		return rounds(count, read_probe(argv[3]), argv[4]);
	if (argc == 4 && !strcmp(argv[1], "many"))
		return many(count, read_probe(argv[3]), true);
	if (argc == 4 && !strcmp(argv[1], "each"))
		return many(count, read_probe(argv[3]), false);
	if (argc == 5 && !strcmp(argv[1], "hold"))
		return hold(count, read_probe(argv[3]),
			    (enum network_path)read_word(argv[4], paths));
	fputs(usage, stderr);
	return 2;
}
