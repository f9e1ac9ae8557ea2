// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the QEMU command with a real QEMU, stopped before the guest's first instruction.
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "launcher/common/process.h"
#include "launcher/disks/disks.h"
#include "launcher/guest/nocloud.h"
#include "launcher/qemu/qemu.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/run/state_dir.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/machine.h"
#include "tests/unit/support/scratch.h"

#define TIMEOUT_MS 60000

/**
 * struct live - a running QEMU.
 * @qmp: its QMP as a stream.
 * @output: a file with its standard error.
 */
struct live {
	struct process process;
	FILE *qmp;
	int qmp_fd;
	int output;
};

static struct process_fd extra_fds[PROCESS_FDS_MAX];
static size_t extra_count;

static int setup(void **state)
{
	int ret = scratch_setup(state);

	extra_count = 0;
	setenv("XDG_DATA_HOME", scratch_path("data"), 1);
	return ret;
}

static bool have_qemu(void)
{
	return system("qemu-system-x86_64 --version >/dev/null 2>&1") == 0;
}

static void give(int source, int target)
{
	extra_fds[extra_count++] = (struct process_fd){ source, target };
}

static void add_arg(struct machine *machine, const char *arg)
{
	machine->definition.qemu.args[machine->definition.qemu.arg_count++] = (char *)arg;
}

/* Ends QEMU and fails with its standard error. */
static void fail_live(struct live *live, const char *what)
{
	char output[2048] = "";

	process_kill(&live->process);
	if (pread(live->output, output, sizeof(output) - 1, 0) < 0)
		output[0] = '\0';
	fail_msg("%s; QEMU printed: %s", what, output);
}

/* Reads a line of QMP as an object; skips events. */
static struct json_object *read_reply(struct live *live)
{
	struct pollfd ready = { .fd = live->qmp_fd, .events = POLLIN };
	struct json_object *object = NULL;
	char line[65536];

	/* The stream has no buffer, since poll(2) does not see buffered lines. */
	do {
		json_object_put(object);
		if (poll(&ready, 1, TIMEOUT_MS) != 1 || !fgets(line, sizeof(line), live->qmp))
			fail_live(live, "no answer");
		object = json_tokener_parse(line);
		if (!object)
			fail_live(live, line);
	} while (json_object_object_get_ex(object, "event", NULL));
	return object;
}

static struct json_object *run_command(struct live *live, const char *command)
{
	struct json_object *object;
	char line[256];
	int size;

	size = snprintf(line, sizeof(line), "{\"execute\":\"%s\"}\n", command);
	assert_int_equal(write(live->qmp_fd, line, size), size);
	object = read_reply(live);
	if (!json_object_object_get_ex(object, "return", NULL))
		fail_live(live, json_object_to_json_string(object));
	return object;
}

static void assert_answer(struct live *live, const char *command, const char *pointer,
			  const char *expected)
{
	struct json_object *object = run_command(live, command);
	struct json_object *value = NULL;

	if (json_pointer_get(object, pointer, &value))
		fail_live(live, json_object_to_json_string(object));
	assert_string_equal(json_object_get_string(value), expected);
	json_object_put(object);
}

static void start(const struct machine *machine, struct live *live)
{
	struct process_config config = { .new_session = true, .death_signal = SIGKILL };
	cleanup_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct argv argv = { 0 };
	struct error err = { 0 };
	int sockets[2];

	*live = (struct live){ .process = PROCESS_NONE };
	live->output = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	give(sockets[1], QEMU_FD_QMP);
	give(null_fd, STDIN_FILENO);
	give(null_fd, STDOUT_FILENO);
	give(live->output, STDERR_FILENO);

	if (qemu_build(&machine->plan, &argv, &err))
		fail_msg("%s", err.message);
	sigemptyset(&config.blocked);
	config.argv = argv.items;
	config.fds = extra_fds;
	config.fd_count = extra_count;
	if (process_start(&config, &live->process, &err))
		fail_msg("%s", err.message);
	argv_done(&argv);
	close(sockets[1]);
	extra_count = 0;

	live->qmp_fd = sockets[0];
	live->qmp = fdopen(sockets[0], "r");
	setvbuf(live->qmp, NULL, _IONBF, 0);
	json_object_put(read_reply(live));
	json_object_put(run_command(live, "qmp_capabilities"));
}

static void stop_qemu(struct live *live)
{
	struct pollfd ended = { .fd = live->process.pidfd, .events = POLLIN };
	struct error err;
	siginfo_t end;
	struct stat st;

	json_object_put(run_command(live, "quit"));
	if (poll(&ended, 1, TIMEOUT_MS) != 1)
		fail_live(live, "it does not end");
	assert_int_equal(process_wait(&live->process, &end, &err), 0);
	assert_int_equal(end.si_code, CLD_EXITED);
	assert_int_equal(end.si_status, 0);
	/* No warning, such as one for a deprecated or ignored option. */
	assert_int_equal(fstat(live->output, &st), 0);
	if (st.st_size)
		fail_live(live, "it has printed a warning");
	fclose(live->qmp);
	close(live->output);
}

static void try(const struct machine *machine)
{
	struct live live;

	start(machine, &live);
	stop_qemu(&live);
}

static void test_small(void **state)
{
	struct machine machine;
	struct live live;

	scratch_need(have_qemu());
	machine_init(&machine);
	add_arg(&machine, "-S");
	start(&machine, &live);
	assert_answer(&live, "query-name", "/return/name", "web");
	assert_answer(&live, "query-uuid", "/return/UUID", "0d1e2f30-4152-5374-8596-a7b8c9dadbec");
	assert_answer(&live, "query-status", "/return/status", "prelaunch");
	assert_answer(&live, "query-memory-size-summary", "/return/base-memory", "536870912");
	stop_qemu(&live);
}

static void test_machine_types(void **state)
{
	static const char *const types[] = { "q35", "pc", "microvm" };
	struct machine machine;

	scratch_need(have_qemu());
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		machine_init(&machine);
		machine.definition.machine.type = (char *)types[i];
		machine.definition.network.type = NETWORK_USER;
		add_arg(&machine, "-S");
		try(&machine);
	}
}

static void test_models(void **state)
{
	static const char *const models[] = { "virtio",   "e1000", "e1000e", "rtl8139",
					      "ne2k_pci", "pcnet", "vmxnet3" };
	struct machine machine;

	scratch_need(have_qemu());
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		machine_init(&machine);
		machine.definition.network.type = NETWORK_USER;
		machine.definition.network.model = (char *)models[i];
		add_arg(&machine, "-S");
		try(&machine);
	}
}

/* Makes a kernel that QEMU accepts: the real-mode header of Documentation/arch/x86/boot.rst. */
static void make_kernel(const char *name)
{
	static unsigned char kernel[16384];

	kernel[0x1f1] = 4;                         /* sectors of set-up code */
	memcpy(kernel + 0x202, "HdrS\x0c\x02", 6); /* protocol 2.12 */
	kernel[0x211] = 1;                         /* loaded high */
	memcpy(kernel + 0x22c, "\xff\xff\xff\x37", 4);
	scratch_write(name, kernel, sizeof(kernel));
}

static void test_boot(void **state)
{
	struct machine machine;

	scratch_need(have_qemu());
	make_kernel("ker,nel =x");
	scratch_text("init,rd", "x");
	machine_init(&machine);
	machine.definition.boot.kernel = (char *)scratch_path("ker,nel =x");
	machine.definition.boot.initrd = (char *)scratch_path("init,rd");
	machine.definition.boot.cmdline = (char *)"a=b,c \"d e\" -display gtk";
	scratch_text("disk.raw", "x");
	machine_add_disk(&machine, scratch_path("disk.raw"), DISK_DIRECT, DISK_FORMAT_RAW);
	add_arg(&machine, "-S");
	try(&machine);
}

static void test_disks(void **state)
{
	static const char nasty[] = "a,b=c \"d\" 'e' \\f {g} ü ,,file=x.img";
	struct disks disks = { 0 };
	struct state_dir state_dir = STATE_DIR_NONE;
	struct machine machine;
	struct error err = { 0 };
	struct live live;
	char text[1 << 16] = "not all zero";
	int seed;

	scratch_need(have_qemu());
	scratch_write(nasty, text, sizeof(text));
	scratch_write("x,y", text, sizeof(text));
	machine_init(&machine);
	machine.definition.disk_count = 3;
	machine.definition.disks[0] = (struct disk){ .image = strdup(scratch_path(nasty)),
						     .mode = DISK_OVERLAY,
						     .size = 1 << 20 };
	machine.definition.disks[1] = machine.definition.disks[0];
	machine.definition.disks[1].mode = DISK_SNAPSHOT;
	machine.definition.disks[2] = (struct disk){ .image = strdup(scratch_path("x,y")),
						     .mode = DISK_READONLY };
	if (state_dir_take(&machine.definition, &state_dir, &err) ||
	    disks_prepare(&machine.plan, state_dir.directory, &disks, &err))
		fail_msg("%s", err.message);
	disks_configure(&disks, &machine.plan);
	seed = nocloud_make(&machine.plan, &err);
	assert_true(seed >= 0);
	machine.plan.seed = true;
	give(seed, QEMU_FD_SEED);
	add_arg(&machine, "-S");

	start(&machine, &live);
	disks_opened(&disks);
	assert_answer(&live, "query-block", "/return/0/inserted/node-name", "disk0");
	assert_answer(&live, "query-block", "/return/0/inserted/backing_file", scratch_path(nasty));
	assert_answer(&live, "query-block", "/return/0/inserted/file",
		      scratch_path("data/vmrun/web/disk0.qcow2"));
	assert_answer(&live, "query-block", "/return/0/inserted/image/virtual-size", "1048576");
	assert_answer(&live, "query-block", "/return/1/inserted/file", disks.files[1].path);
	assert_answer(&live, "query-block", "/return/2/inserted/file", scratch_path("x,y"));
	assert_answer(&live, "query-block", "/return/2/inserted/ro", "true");
	assert_answer(&live, "query-block", "/return/3/inserted/node-name", "seed");
	assert_answer(&live, "query-block", "/return/3/inserted/ro", "true");
	assert_int_equal(access(disks.files[1].path, F_OK), -1);
	stop_qemu(&live);

	disks_done(&disks);
	state_dir_end(&state_dir);
	close(seed);
	free(machine.definition.disks[0].image);
	free(machine.definition.disks[2].image);
}

static void test_consoles(void **state)
{
	struct machine machine;
	int ends[2];

	scratch_need(have_qemu());
	machine_init(&machine);
	machine.plan.console = CONSOLE_STDIO;
	add_arg(&machine, "-S");
	try(&machine);

	machine.plan.console = CONSOLE_SOCKET;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	give(ends[1], QEMU_FD_CONSOLE);
	try(&machine);
	close(ends[0]);
	close(ends[1]);
}

static void test_displays(void **state)
{
	static const struct {
		enum display_mode mode;
		const char *socket;
	} displays[] = { { DISPLAY_VNC, "vnc.sock" }, { DISPLAY_SPICE, "spice.sock" } };
	char directory[PATH_MAX], path[PATH_MAX + 16];
	struct machine machine;
	struct live live;
	struct stat st;

	scratch_need(have_qemu());
	snprintf(directory, sizeof(directory), "%s", scratch_path("a,b =c"));
	assert_int_equal(mkdir(directory, 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(displays); i++) {
		if (displays[i].mode == DISPLAY_SPICE &&
		    system("qemu-system-x86_64 -spice help >/dev/null 2>&1") != 0)
			continue;
		machine_init(&machine);
		machine.definition.display = displays[i].mode;
		machine.plan.runtime_directory = directory;
		add_arg(&machine, "-S");
		start(&machine, &live);
		snprintf(path, sizeof(path), "%s/%s", directory, displays[i].socket);
		assert_int_equal(stat(path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		stop_qemu(&live);
	}
}

/* Opens one queue of a tap in this process's network namespace. */
static int open_queue(short flags)
{
	struct ifreq request = { .ifr_name = "vmr-test", .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	return -1;
}

/* Must be the last test: it enters an empty network namespace, so that no packet leaves. */
static void test_tap(void **state)
{
	struct machine machine;
	int first, second;

	scratch_need(have_qemu());
	scratch_need(unshare(CLONE_NEWNET) == 0);
	first = open_queue(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	scratch_need(first >= 0);
	second = open_queue(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	assert_true(second >= 0);

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_DHCP);
	add_arg(&machine, "-S");
	give(first, QEMU_FD_TAP);
	try(&machine);

	machine.plan.cards[0].queues = 2;
	give(first, QEMU_FD_TAP);
	give(second, QEMU_FD_TAP + 1);
	try(&machine);
	close(second);
	close(first);

	first = open_queue(IFF_TAP | IFF_NO_PI);
	machine.plan.cards[0].queues = 1;
	machine.definition.network.model = (char *)"e1000";
	give(first, QEMU_FD_TAP);
	try(&machine);
	close(first);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_small), CASE(test_machine_types), CASE(test_models),   CASE(test_boot),
		CASE(test_disks), CASE(test_consoles),      CASE(test_displays), CASE(test_tap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
