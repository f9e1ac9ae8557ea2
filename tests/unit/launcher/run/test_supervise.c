// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a VM's end with fake QEMUs that obey, ignore or crash.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/signals.h"
#include "launcher/qemu/qemu_process.h"
#include "launcher/run/shutdown.h"
#include "launcher/run/supervise.h"
#include "netsetup/base/cleanup.h"

#define QMP        3
#define TIMEOUT_MS 60000
#define GREETING   "{\"QMP\": {}}\r\n"

/* The fake QEMU: this program, with the kind of QEMU as its argument. */

static void send_text(const char *text)
{
	if (write(QMP, text, strlen(text)) < 0)
		_exit(9);
}

static void send_shutdown(const char *reason)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"%s\"}}\r\n", reason);
	send_text(text);
}

/* A kind of QEMU; it replies to other commands and does nothing for them. */
struct kind {
	const char *name;
	int powerdowns; /* the guest powers off at this request; 0: never */
	bool quits;
	bool slow;   /* sends its greeting once it has read a byte from standard input */
	bool chatty; /* sends more than one read takes before it shuts down */
	const char *at_start;
	const char *reason; /* of its shutdown as soon as it is ready, or NULL */
};

static const struct kind kinds[] = {
	{ .name = "obedient", .powerdowns = 1, .quits = true },
	{ .name = "booting", .powerdowns = 3, .quits = true },
	{ .name = "deaf", .quits = true },
	{ .name = "stubborn" },
	{ .name = "mute", .slow = true, .powerdowns = 1, .quits = true },
	{ .name = "rubbish", .at_start = "\xff\xfe", .quits = true },
	{ .name = "off", .reason = "guest-shutdown" },
	{ .name = "panic", .reason = "guest-panic" },
	{ .name = "chatty", .chatty = true, .reason = "guest-panic" },
	{ .name = "window", .reason = "host-ui" },
	{ .name = "signalled", .reason = "host-signal" },
	{ .name = "broken", .reason = "host-error" },
	{ .name = "odd", .reason = "no such reason" },
};

static void leave(const char *reason)
{
	send_shutdown(reason);
	_exit(0);
}

static void send_events(void)
{
	static char text[160 * 1024];
	static const char event[] = "{\"event\": \"STOP\"}\r\n";
	size_t used;

	for (used = 0; used + sizeof(event) <= sizeof(text); used += sizeof(event) - 1)
		memcpy(text + used, event, sizeof(event));
	send_text(text);
}

static void obey(const struct kind *kind, const char *line)
{
	static int powerdowns;
	const char *id = strstr(line, "\"id\":");
	char text[64];

	snprintf(text, sizeof(text), "{\"return\": {}, \"id\": %d}\r\n", atoi(id ? id + 5 : "0"));
	send_text(text);
	if (strstr(line, "\"qmp_capabilities\"") && kind->chatty)
		send_events();
	if (strstr(line, "\"qmp_capabilities\"") && kind->reason)
		leave(kind->reason);
	if (strstr(line, "\"system_powerdown\"") && ++powerdowns == kind->powerdowns)
		leave("guest-shutdown");
	if (strstr(line, "\"quit\"") && kind->quits)
		leave("host-qmp-quit");
}

static int serve(const struct kind *kind)
{
	cleanup_file FILE *commands = fdopen(QMP, "r");
	char line[1024];

	if (!kind->quits)
		signal(SIGINT, SIG_IGN);
	if (kind->slow && read(STDIN_FILENO, line, 1) < 0)
		return 9;
	send_text(kind->at_start ? kind->at_start : GREETING);
	while (commands && fgets(line, sizeof(line), commands))
		obey(kind, line);
	for (;;)
		pause();
}

static int run_kind(const char *name)
{
	struct rlimit none = { 0, 0 };
	size_t i;

	/* Ends the fake QEMU of a failed test. */
	alarm(300);
	setrlimit(RLIMIT_CORE, &none);
	if (strcmp(name, "failing") == 0)
		return 3;
	if (strcmp(name, "crashing") == 0) {
		send_text(GREETING);
		raise(SIGUSR2);
	}
	if (strcmp(name, "killed") == 0)
		raise(SIGKILL);
	if (strcmp(name, "denied") == 0)
		raise(SIGSYS);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return serve(&kinds[i]);
	return 8;
}

/* The test's side. */

#define SENDS_MAX 4

/**
 * struct owner - a test's instructions to the callbacks, and their records.
 * @sends: when the line is logged, the signal is sent to this process.
 * @fail_start: ops->started fails.
 * @await_end: ops->started returns only once the fake QEMU has ended.
 * @interrupt: ops->started sends SIGINT to the fake QEMU, and to this process once that has ended.
 * @greet: standard input of the fake QEMU; a slow one gets a byte when @greet_at is logged.
 */
struct owner {
	struct {
		const char *line;
		int signo;
	} sends[SENDS_MAX];
	bool fail_start;
	bool await_end;
	bool interrupt;
	bool direct; /* ops->started calls shutdown_request() */
	int greet;
	const char *greet_at;
	int started;
	int events;
	char log[8192];
};

static void on_log(struct vm *vm, enum vm_log level, const char *text)
{
	struct owner *owner = vm->context;
	size_t used = strlen(owner->log);
	size_t i;

	snprintf(owner->log + used, sizeof(owner->log) - used, "%s\n", text);
	for (i = 0; i < SENDS_MAX; i++) {
		if (!owner->sends[i].line || strcmp(owner->sends[i].line, text) != 0)
			continue;
		owner->sends[i].line = NULL;
		kill(getpid(), owner->sends[i].signo);
	}
	if (owner->greet_at && strcmp(owner->greet_at, text) == 0)
		assert_int_equal(write(owner->greet, "g", 1), 1);
}

static int on_started(struct vm *vm, struct error *err)
{
	struct owner *owner = vm->context;
	struct pollfd ended = { .fd = vm->qemu.pidfd, .events = POLLIN };

	owner->started++;
	if (owner->interrupt)
		assert_int_equal(process_signal(&vm->qemu, SIGINT), 0);
	if (owner->await_end || owner->interrupt)
		assert_int_equal(poll(&ended, 1, TIMEOUT_MS), 1);
	if (owner->interrupt)
		kill(getpid(), SIGINT);
	if (owner->direct)
		shutdown_request(vm, SIGKILL);
	return owner->fail_start ? error_set_errno(err, EIO, "cannot start '%s'", vm->name) : 0;
}

static void on_event(struct vm *vm, const char *name, struct json_object *data)
{
	((struct owner *)vm->context)->events++;
}

static const struct vm_ops ops = { .log = on_log, .started = on_started, .event = on_event };

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void start(struct vm *vm, const char *kind, struct owner *owner)
{
	char *items[] = { (char *)"/proc/self/exe", (char *)kind, NULL };
	struct argv argv = { .items = items, .count = 2 };
	struct process_fd fds[2] = { { -1, QMP }, { -1, STDIN_FILENO } };
	struct qemu_process_config config = { &argv, fds, 2, NULL, NULL, true };
	struct error err;
	int qmp[2], input[2];
	const int room = 1024 * 1024; /* a chatty one's output fits, even if it is not read */

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp), 0);
	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(setsockopt(qmp[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	fds[0].source = qmp[1];
	fds[1].source = input[0];
	assert_int_equal(qemu_process_start(&config, &vm->qemu, &err), 0);
	close(qmp[1]);
	close(input[0]);
	vm->qmp_fd = qmp[0];
	owner->greet = input[1];
}

static void set_up(struct vm *vm, const char *kind, struct owner *owner)
{
	struct error err;

	*vm = (struct vm){ .name = "web", .shutdown_timeout = 300, .ops = &ops, .context = owner };
	shutdown_timing = (struct shutdown_timing){ .repeat = 20, .quit = 300000 };
	vm->loop = loop_new(&err);
	assert_non_null(vm->loop);
	start(vm, kind, owner);
}

/* Runs the VM to its end and checks that all is released. */
static int finish(struct vm *vm, struct error *err)
{
	struct owner *owner = vm->context;
	int status = supervise_run(vm, err);

	assert_int_equal(vm->qemu.pid, 0);
	assert_int_equal(vm->qmp_fd, -1);
	assert_null(vm->qmp);
	assert_int_equal(vm->state, VM_GONE);
	close(owner->greet);
	loop_free(vm->loop);
	return status;
}

static void expect(const char *kind, struct owner owner, int status, const char *message,
		   const char *log)
{
	struct error err;
	struct vm vm;
	int fds = count_fds();

	set_up(&vm, kind, &owner);
	assert_int_equal(finish(&vm, &err), status);
	assert_string_equal(err.message, message);
	assert_int_equal(err.code != 0, message[0] != '\0');
	if (log && !strstr(owner.log, log))
		fail_msg("'%s' is not in: %s", log, owner.log);
	assert_int_equal(count_fds(), fds);
}

#define STARTED "starting -> running"
#define ASKED   "running -> powering down"
#define QUIT    "powering down -> quitting"
#define KILLED  "quitting -> killing"
#define GONE    " -> gone\n"

static void test_ends_by_itself(void **state)
{
	struct owner none = { 0 };

	expect("off", none, 0, "", "running" GONE);
	expect("window", none, 0, "", NULL);
	expect("odd", none, 0, "", NULL);
	expect("panic", none, 1, "the guest's kernel panicked", NULL);
	expect("broken", none, 1, "QEMU stopped the VM because of an error of the host", NULL);
	expect("signalled", none, 1, "QEMU quit because of a signal that vmrun did not send", NULL);
	expect("failing", none, 1, "QEMU exited with status 3", "starting" GONE);
	expect("killed", none, 1, "QEMU was killed by signal 9 (Killed)", NULL);
	expect("denied", none, 1,
	       "QEMU was killed by its own sandbox: it may start no other program", NULL);
	expect("crashing", none, 1, "QEMU was killed by signal 12 (User defined signal 2)", NULL);
	expect("rubbish", none, 1, "QEMU's QMP sent a byte that is not ASCII",
	       "starting -> quitting");
}

/* The sandbox of newer QEMUs makes the call of what 'qemu.args' wants fail, and QEMU exits. */
static void test_sandbox_remedy(void **state)
{
	struct owner none = { 0 };
	struct error err;
	struct vm vm;

	for (int args = 0; args < 2; args++) {
		set_up(&vm, "failing", &none);
		vm.args = args;
		assert_int_equal(finish(&vm, &err), 1);
		assert_int_equal(!!strstr(err.remedy, "remove from 'qemu.args'"), args);
	}
}

static void test_graceful(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		struct owner owner = { .sends = { { STARTED, signals[i] } } };

		expect("obedient", owner, 0, "", "powering down" GONE);
	}
}

/* Requests that a booting guest misses are repeated. */
static void test_repeats(void **state)
{
	struct owner owner = { .sends = { { STARTED, SIGTERM } } };

	expect("booting", owner, 0, "", "powering down" GONE);
}

static void test_second_signal_quits(void **state)
{
	struct owner owner = { .sends = { { STARTED, SIGTERM }, { ASKED, SIGINT } } };

	expect("deaf", owner, 128 + SIGTERM, "", QUIT "\n");
}

static void test_third_signal_kills(void **state)
{
	struct owner owner = {
		.sends = { { STARTED, SIGINT }, { ASKED, SIGTERM }, { QUIT, SIGTERM } },
	};

	expect("stubborn", owner, 128 + SIGINT, "", "killing" GONE);
}

static void test_sigquit(void **state)
{
	struct owner owner = { .sends = { { STARTED, SIGQUIT } } };

	expect("obedient", owner, 128 + SIGQUIT, "", "running -> quitting\n");
	owner = (struct owner){ .sends = { { STARTED, SIGTERM }, { ASKED, SIGQUIT } } };
	expect("deaf", owner, 128 + SIGTERM, "", QUIT "\n");
}

/* Two signals at once, as from a closed terminal and its shell, count as one request. */
static void test_same_request(void **state)
{
	struct owner owner = { .sends = { { STARTED, SIGTERM }, { STARTED, SIGHUP } } };
	struct error err;
	struct vm vm;

	set_up(&vm, "booting", &owner);
	shutdown_timing.same_request = 300000;
	assert_int_equal(finish(&vm, &err), 0);
	assert_null(strstr(owner.log, QUIT));
}

static void test_other_signals(void **state)
{
	struct owner owner = {
		.sends = {
			{ STARTED, SIGUSR1 },
			{ STARTED, SIGPIPE },
			{ STARTED, SIGWINCH },
			{ STARTED, SIGTERM },
		},
	};

	expect("booting", owner, 0, "", "powering down" GONE);
}

static void test_time_is_up(void **state)
{
	struct owner owner = { .sends = { { STARTED, SIGTERM } } };
	struct error err;
	struct vm vm;

	set_up(&vm, "stubborn", &owner);
	vm.shutdown_timeout = 1;
	shutdown_timing.quit = 50;
	assert_int_equal(finish(&vm, &err), 128 + SIGTERM);
	assert_string_equal(err.message, "");
	assert_non_null(strstr(owner.log, QUIT));
	assert_non_null(strstr(owner.log, KILLED));
}

static void test_no_time_at_all(void **state)
{
	struct owner owner = { .sends = { { STARTED, SIGTERM } } };
	struct error err;
	struct vm vm;

	set_up(&vm, "obedient", &owner);
	vm.shutdown_timeout = 0;
	assert_int_equal(finish(&vm, &err), 128 + SIGTERM);
	assert_non_null(strstr(owner.log, "running -> quitting"));
}

/* The signal comes before QEMU's greeting: a cancel, whether or not QEMU still greets. */
static void test_signal_before_greeting(void **state)
{
	struct owner owner = { .greet_at = "starting -> quitting" };
	struct error err;
	struct vm vm;

	set_up(&vm, "mute", &owner);
	kill(getpid(), SIGTERM);
	assert_int_equal(finish(&vm, &err), 128 + SIGTERM);
	assert_int_equal(owner.started, 0);
	assert_null(strstr(owner.log, "powering down"));

	/* Without a greeting, SIGINT replaces QMP's 'quit'. */
	owner = (struct owner){ 0 };
	set_up(&vm, "mute", &owner);
	kill(getpid(), SIGTERM);
	assert_int_equal(finish(&vm, &err), 128 + SIGTERM);
	assert_int_equal(owner.started, 0);
	assert_non_null(strstr(owner.log, "quitting" GONE));
}

static void test_started(void **state)
{
	struct owner owner = { .fail_start = true };
	struct error err;
	struct vm vm;

	expect("deaf", owner, 1, "cannot start 'web': Input/output error", "running -> quitting\n");

	owner = (struct owner){ 0 };
	set_up(&vm, "off", &owner);
	assert_int_equal(finish(&vm, &err), 0);
	assert_int_equal(owner.started, 1);
	assert_int_equal(owner.events, 1);

	owner = (struct owner){ .direct = true };
	expect("stubborn", owner, 128 + SIGKILL, "", "killing" GONE);
}

/* vmrun sees QEMU's end before it has read the events that led to it. */
static void test_events_after_end(void **state)
{
	struct owner owner = { .await_end = true };

	expect("chatty", owner, 1, "the guest's kernel panicked", NULL);
	owner = (struct owner){ .interrupt = true };
	expect("deaf", owner, 128 + SIGINT, "", NULL);
}

/* The owner of netsetup's socket may read from it, replace it, or report the attachment as lost. */

static int second_netsetup = -1;

static int on_netsetup(struct vm *vm, unsigned int card, struct error *err)
{
	char byte = 0;

	assert_int_equal(card, 1);
	if (read(vm->netsetup_fds[card], &byte, 1) > 0)
		return 0;
	if (second_netsetup < 0)
		return error_setf(err, STATUS_NETWORK, EPIPE, "'%s' is off the LAN", vm->name);
	close(vm->netsetup_fds[card]);
	vm->netsetup_fds[card] = second_netsetup;
	second_netsetup = -1;
	return 0;
}

static void test_netsetup(void **state)
{
	static const struct vm_ops netsetup_ops = { .log = on_log, .netsetup = on_netsetup };
	struct owner owner = { 0 };
	struct error err;
	struct vm vm;
	int first[2], second[2], silent[2], sockets[2];

	assert_int_equal(pipe2(first, O_CLOEXEC), 0);
	assert_int_equal(pipe2(second, O_CLOEXEC), 0);
	assert_int_equal(pipe2(silent, O_CLOEXEC), 0);
	set_up(&vm, "booting", &owner);
	vm.ops = &netsetup_ops;
	sockets[0] = silent[0];
	sockets[1] = first[0];
	vm.netsetup_fds = sockets;
	vm.netsetup_count = 2;
	second_netsetup = second[0];
	assert_int_equal(write(first[1], "ab", 2), 2);
	close(first[1]);
	close(second[1]);
	assert_int_equal(finish(&vm, &err), STATUS_NETWORK);
	assert_string_equal(err.message, "'web' is off the LAN");
	assert_int_equal(sockets[0], silent[0]);
	assert_int_equal(sockets[1], second[0]);
	close(second[0]);
	close(silent[0]);
	close(silent[1]);

	assert_int_equal(pipe2(first, O_CLOEXEC), 0);
	owner = (struct owner){ 0 };
	set_up(&vm, "obedient", &owner);
	vm.netsetup_fds = first;
	vm.netsetup_count = 1;
	close(first[1]);
	assert_int_equal(finish(&vm, &err), 1);
	assert_string_equal(err.message, "vmrun-netsetup has ended: 'web' is off the LAN");
	close(first[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_by_itself),
		cmocka_unit_test(test_sandbox_remedy),
		cmocka_unit_test(test_graceful),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_second_signal_quits),
		cmocka_unit_test(test_third_signal_kills),
		cmocka_unit_test(test_sigquit),
		cmocka_unit_test(test_same_request),
		cmocka_unit_test(test_other_signals),
		cmocka_unit_test(test_time_is_up),
		cmocka_unit_test(test_no_time_at_all),
		cmocka_unit_test(test_signal_before_greeting),
		cmocka_unit_test(test_started),
		cmocka_unit_test(test_events_after_end),
		cmocka_unit_test(test_netsetup),
	};

	if (argc > 1)
		return run_kind(argv[1]);
	signals_block();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
