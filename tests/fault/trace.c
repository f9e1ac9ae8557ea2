// SPDX-License-Identifier: GPL-2.0-or-later
// One run of vmrun under ptrace(2), with all that it starts, and one fault on its way.
#include "tests/fault/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/* A netlink request that the kernel does not get to see: an empty one is answered in its place. */
struct refusal {
	enum {
		REFUSE_NOTHING,
		REFUSE_SENT,
		REFUSE_ANSWER
	} state;
	unsigned long socket;
	unsigned long at; /* the request, in the process */
	struct nlmsghdr header;
};

/* One process that is traced. */
struct tracee {
	pid_t pid;
	enum role role;
	unsigned int counts[CALLS_MAX]; /* of its steps so far, by their call */
	unsigned int forks;             /* number of its children so far */
	const struct call *call;        /* its last one */
	bool alive;
	bool main; /* errors are made from main() on, not in the dynamic loader */
	struct user_regs_struct last; /* at its last write(2) */
	bool want_exit;               /* it is stopped again when the present call has ended */
	int64_t held_until;           /* it stands still so long, ms; 0: it does not */
	struct refusal refusal;
};

/* Longest delay of a process on a busy machine, in ms; the other processes take far less. */
#define HOLD_MS     150
#define TICK_MS     10
#define LIMIT_MS    20000
#define TRACEES_MAX 64

static struct tracee tracees[TRACEES_MAX];
static unsigned int tracee_count;
/* The roles of vmrun's children, in the order of their forks, as the first run found them. */
static enum role children[TRACEES_MAX];
static pid_t child_pids[TRACEES_MAX];
static unsigned int fork_count;

void die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(1);
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The processes. */

static struct tracee *find(pid_t pid)
{
	for (unsigned int i = 0; i < tracee_count; i++)
		if (tracees[i].pid == pid && tracees[i].alive)
			return &tracees[i];
	return NULL;
}

static struct tracee *add(pid_t pid, enum role role)
{
	struct tracee *tracee = find(pid);

	if (tracee)
		return tracee;
	if (tracee_count == TRACEES_MAX)
		die("too many processes");
	tracee = &tracees[tracee_count++];
	*tracee = (struct tracee){ .pid = pid, .role = role, .alive = true };
	return tracee;
}

static unsigned int alive(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < tracee_count; i++)
		count += tracees[i].alive;
	return count;
}

static enum role role_of(const char *program, const char *argument)
{
	if (!strcmp(program, "vmrun"))
		return ROLE_VMRUN;
	if (!strcmp(program, "vmrun-netsetup"))
		return !strcmp(argument, "--service")  ? ROLE_SERVICE
		       : !strcmp(argument, "--maker")  ? ROLE_MAKER
		       : !strcmp(argument, "--worker") ? ROLE_WORKER
						       : ROLE_SUPERVISOR;
	if (!strncmp(program, "standin", 7) || !strncmp(program, "qemu-system", 11))
		return ROLE_QEMU;
	return ROLE_OTHER;
}

/* By its arguments: the program of the service and its worker is /proc/self/exe. */
static enum role exec_role(pid_t pid)
{
	char path[64], arguments[4096] = "";
	const char *program, *argument;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	file = fopen(path, "re");
	/* Two bytes less: a missing second argument is an empty one. */
	if (file && fread(arguments, 1, sizeof(arguments) - 2, file) == 0)
		arguments[0] = '\0';
	if (file)
		fclose(file);
	program = strrchr(arguments, '/') ? strrchr(arguments, '/') + 1 : arguments;
	argument = arguments + strlen(arguments) + 1;
	return role_of(program, argument);
}

static bool is_step(const struct tracee *tracee, const struct plan *plan)
{
	return tracee->role == plan->step.role && tracee->call && tracee->call == plan->step.call &&
	       tracee->counts[tracee->call - calls] == plan->step.number;
}

static void release(struct tracee *tracee)
{
	tracee->held_until = 0;
	ptrace(tracee->want_exit ? PTRACE_SYSCALL : PTRACE_CONT, tracee->pid, 0, 0);
}

/* The role of the program that a new child will execute. */
static enum role child_role(const struct tracee *parent, bool learn)
{
	if (parent->role == ROLE_SUPERVISOR)
		return ROLE_SERVICE;
	if (parent->role == ROLE_SERVICE)
		return parent->forks == 0 ? ROLE_MAKER : ROLE_WORKER;
	/* In the first run it is found out later, see on_exec(). */
	if (parent->role == ROLE_VMRUN && fork_count < TRACEES_MAX && !learn)
		return children[fork_count];
	return ROLE_OTHER;
}

static void on_fork(struct tracee *parent, const struct plan *plan)
{
	const enum role role = child_role(parent, plan->learn);
	struct tracee *tracee;
	unsigned long child = 0;

	ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &child);
	parent->forks++;
	if (parent->role == ROLE_VMRUN && fork_count < TRACEES_MAX)
		child_pids[fork_count++] = (pid_t)child;
	tracee = add((pid_t)child, role);
	tracee->role = role;
	tracee->main = true;
	if (tracee->held_until)
		release(tracee);
}

static void on_exec(struct tracee *tracee, bool learn)
{
	const enum role role = exec_role(tracee->pid);

	for (unsigned int i = 0; learn && i < fork_count; i++)
		if (child_pids[i] == tracee->pid)
			children[i] = role;
	/* Steps that a child made before it had its role count on under that role. */
	if (tracee->role != role)
		memset(tracee->counts, 0, sizeof(tracee->counts));
	tracee->role = role;
	tracee->main = false;
}

static unsigned int kill_victims(unsigned int roles, bool really)
{
	unsigned int present = 0;

	for (unsigned int i = 0; i < tracee_count; i++) {
		const unsigned int bit = 1u << tracees[i].role;

		if (!tracees[i].alive || !(roles & bit) || (present & bit))
			continue;
		present |= bit;
		if (really)
			kill(tracees[i].pid, SIGKILL);
	}
	return present;
}

static void fail_call(pid_t pid, int error)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
		return;
	regs.orig_rax = (unsigned long long)-1;
	regs.rax = (unsigned long long)-(long long)error;
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

/*
 * A write to a sysctl waits for the kernel's lock on all networks: it is restarted again and again
 * (restart_syscall()), which is not another step.
 */
static bool is_restarted(struct tracee *tracee, const struct call *call)
{
	const struct user_regs_struct last = tracee->last;

	if (call->number != SYS_write || ptrace(PTRACE_GETREGS, tracee->pid, 0, &tracee->last) < 0)
		return false;
	return tracee->last.rip == last.rip && tracee->last.rdi == last.rdi &&
	       tracee->last.rsi == last.rsi && tracee->last.rdx == last.rdx;
}

static bool peek(pid_t pid, unsigned long at, void *data, size_t size)
{
	const struct iovec here = { data, size }, there = { (void *)at, size };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static bool poke(pid_t pid, unsigned long at, const void *data, size_t size)
{
	const struct iovec here = { (void *)data, size }, there = { (void *)at, size };

	return process_vm_writev(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* The address of the first buffer of a call on a socket, and the family of its peer's address. */
static unsigned long find_buffer(pid_t pid, const struct user_regs_struct *regs,
				 sa_family_t *family)
{
	struct msghdr message;
	struct iovec buffer;
	sa_family_t found = AF_UNSPEC;
	unsigned long at = regs->rsi, name = regs->r8;

	if (regs->orig_rax == SYS_sendmsg || regs->orig_rax == SYS_recvmsg) {
		if (!peek(pid, regs->rsi, &message, sizeof(message)) || !message.msg_iovlen ||
		    !peek(pid, (unsigned long)message.msg_iov, &buffer, sizeof(buffer)))
			return 0;
		at = (unsigned long)buffer.iov_base;
		name = (unsigned long)message.msg_name;
	}
	if (name)
		peek(pid, name, &found, sizeof(found));
	*family = found;
	return at;
}

/* True if the process is about to send a request to the kernel. */
static bool is_request(const struct tracee *tracee, const struct call *call)
{
	struct user_regs_struct regs;
	sa_family_t family = AF_UNSPEC;

	if (call->number != SYS_sendmsg && call->number != SYS_sendto)
		return false;
	return ptrace(PTRACE_GETREGS, tracee->pid, 0, &regs) == 0 &&
	       find_buffer(tracee->pid, &regs, &family) && family == AF_NETLINK;
}

/* NLMSG_NOOP is answered, when asked for, and nothing else (netlink_rcv_skb()). */
static void start_refusal(struct tracee *tracee)
{
	struct refusal *refusal = &tracee->refusal;
	struct user_regs_struct regs;
	struct nlmsghdr nothing;
	sa_family_t family;

	if (ptrace(PTRACE_GETREGS, tracee->pid, 0, &regs) < 0)
		return;
	refusal->socket = regs.rdi;
	refusal->at = find_buffer(tracee->pid, &regs, &family);
	if (!peek(tracee->pid, refusal->at, &refusal->header, sizeof(refusal->header)))
		return;
	nothing = refusal->header;
	nothing.nlmsg_type = NLMSG_NOOP;
	nothing.nlmsg_flags |= NLM_F_ACK;
	if (!poke(tracee->pid, refusal->at, &nothing, sizeof(nothing)))
		return;
	refusal->state = REFUSE_SENT;
	tracee->want_exit = true;
}

/* The answer, if it is the one: not read for good yet when only looked at. */
static bool refuse(const struct tracee *tracee, const struct user_regs_struct *regs, int error)
{
	_Alignas(struct nlmsghdr) char buffer[8192];
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	long left = (long)regs->rax;
	sa_family_t family;
	unsigned long at = find_buffer(tracee->pid, regs, &family);

	if (left <= 0 || left > (long)sizeof(buffer) ||
	    !peek(tracee->pid, at, buffer, (size_t)left))
		return false;
	/* NLMSG_NEXT() has a cast that clang warns of. */
	for (; NLMSG_OK(header, left);
	     header = (void *)((char *)header + NLMSG_ALIGN(header->nlmsg_len))) {
		const int code = -error;

		left -= NLMSG_ALIGN(header->nlmsg_len);
		if (header->nlmsg_type != NLMSG_ERROR ||
		    header->nlmsg_seq != tracee->refusal.header.nlmsg_seq)
			continue;
		poke(tracee->pid, at + (unsigned long)((char *)NLMSG_DATA(header) - buffer), &code,
		     sizeof(code));
		return !((regs->orig_rax == SYS_recvmsg ? regs->rdx : regs->r10) & MSG_PEEK);
	}
	return false;
}

static void go_on_refusing(struct tracee *tracee, const struct plan *plan)
{
	struct refusal *refusal = &tracee->refusal;
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, tracee->pid, 0, &regs) < 0)
		return;
	if (refusal->state == REFUSE_SENT) {
		/* It may be sent again. */
		poke(tracee->pid, refusal->at, &refusal->header, sizeof(refusal->header));
		refusal->state = REFUSE_ANSWER;
	} else if (refuse(tracee, &regs, plan->error)) {
		refusal->state = REFUSE_NOTHING;
	}
}

/* True if it is about to receive the answer to change. */
static bool awaits_refusal(const struct tracee *tracee, const struct call *call)
{
	struct user_regs_struct regs;

	return tracee->refusal.state == REFUSE_ANSWER &&
	       (call->number == SYS_recvmsg || call->number == SYS_recvfrom) &&
	       ptrace(PTRACE_GETREGS, tracee->pid, 0, &regs) == 0 &&
	       regs.rdi == tracee->refusal.socket;
}

static void act(struct tracee *tracee, const struct plan *plan, struct result *result)
{
	result->reached = true;
	if (plan->refused) {
		start_refusal(tracee);
		return;
	}
	if (plan->error) {
		fail_call(tracee->pid, plan->error);
		return;
	}
	result->present = kill_victims(plan->victims, false);
	/* With one of them missing, it is what was tried without it. */
	if (result->present != plan->victims)
		return;
	kill_victims(plan->victims, true);
}

static void on_call(struct tracee *tracee, struct plan *plan, struct result *result)
{
	unsigned long index = 0;
	const struct call *call;

	ptrace(PTRACE_GETEVENTMSG, tracee->pid, 0, &index);
	call = &calls[index & 0xffff];
	if (is_restarted(tracee, call))
		return;
	memset(&tracee->last, 0, call->number == SYS_write ? 0 : sizeof(tracee->last));
	/* Each main() makes one of these first; of netsetup, it sets the process's name. */
	if (!plan->only_changes && !tracee->main) {
		tracee->main = tracee->role == ROLE_VMRUN
				       ? call->number == SYS_openat && call->change
				       : call->number == SYS_prctl && call->value == PR_SET_NAME;
		if (!tracee->main)
			return;
	}
	if (awaits_refusal(tracee, call))
		tracee->want_exit = true;
	tracee->call = call;
	tracee->counts[call - calls]++;
	if (plan->list && tracee->role != ROLE_OTHER && plan->list_count < STEPS_MAX) {
		const unsigned int present = kill_victims(~0u, false);

		if (plan->list_count > 0)
			plan->list[plan->list_count - 1].present |= present;
		plan->list[plan->list_count++] = (struct step){ tracee->role,
								tracee->counts[call - calls], call,
								present, is_request(tracee, call) };
	}
	if (result->reached || !is_step(tracee, plan))
		return;
	if (plan->after)
		tracee->want_exit = true;
	else
		act(tracee, plan, result);
}

static void on_stop(struct tracee *tracee, int status, struct plan *plan, struct result *result)
{
	const int event = status >> 16;
	int signo = 0;

	if (event == PTRACE_EVENT_SECCOMP) {
		on_call(tracee, plan, result);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		   event == PTRACE_EVENT_CLONE) {
		on_fork(tracee, plan);
	} else if (event == PTRACE_EVENT_EXEC) {
		on_exec(tracee, plan->learn);
	} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (tracee->refusal.state != REFUSE_NOTHING)
			go_on_refusing(tracee, plan);
		else if (tracee->want_exit && !result->reached)
			act(tracee, plan, result);
		tracee->want_exit = false;
	} else if (event == 0) {
		signo = WSTOPSIG(status);
	}
	if (!tracee->held_until)
		ptrace(tracee->want_exit ? PTRACE_SYSCALL : PTRACE_CONT, tracee->pid, 0,
		       (long)signo);
}

/* Ends a waitpid(2), so that it is looked what time it is. */
static void on_alarm(int signo)
{
}

static void release_due(int64_t now)
{
	for (unsigned int i = 0; i < tracee_count; i++)
		if (tracees[i].alive && tracees[i].held_until && now >= tracees[i].held_until)
			release(&tracees[i]);
}

static void start(char *const argv[], const struct plan *plan)
{
	const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD |
			     PTRACE_O_EXITKILL;
	int status, output;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		output = open(plan->output ? plan->output : "/dev/null",
			      O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		close(output);
		raise(SIGSTOP);
		if (step_filter(plan->only_changes) < 0)
			_exit(127);
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0)
		die("ptrace");
	kill(pid, SIGCONT);
	tracee_count = fork_count = 0;
	add(pid, ROLE_VMRUN);
}

void trace_run(char *const argv[], struct plan *plan, struct result *result)
{
	const struct timeval moment = { .tv_usec = TICK_MS * 1000 };
	const struct itimerval tick = { moment, moment };
	const struct itimerval off = { 0 };
	const struct sigaction alarm_action = { .sa_handler = on_alarm };
	int64_t limit = now_ms() + LIMIT_MS;
	pid_t vmrun;

	*result = (struct result){ 0 };
	sigaction(SIGALRM, &alarm_action, NULL);
	start(argv, plan);
	setitimer(ITIMER_REAL, &tick, NULL);
	vmrun = tracees[0].pid;
	while (alive()) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		struct tracee *tracee;

		if (now_ms() >= limit) {
			result->hung = true;
			for (unsigned int i = 0; i < tracee_count; i++)
				if (tracees[i].alive)
					kill(tracees[i].pid, SIGKILL);
			limit += LIMIT_MS;
		}
		release_due(now_ms());
		if (pid < 0)
			continue;
		tracee = find(pid);
		if (!WIFSTOPPED(status)) {
			if (tracee)
				tracee->alive = false;
			if (pid == vmrun) {
				result->status = status;
				result->ended = true;
			}
			continue;
		}
		if (!tracee) {
			/* It is seen before its parent's event, which tells what it is. */
			tracee = add(pid, ROLE_OTHER);
			tracee->held_until = now_ms() + HOLD_MS;
		}
		on_stop(tracee, status, plan, result);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}
