// SPDX-License-Identifier: GPL-2.0-or-later
// Kills vmrun, its helper and QEMU at every step they make, or lets each step fail, and looks at
// what is left.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/cleanup.h"
#include "netsetup/ipv4.h"
#include "netsetup/nl.h"

/*
 * Theory of operation: vmrun runs under ptrace(2) with all that it starts. A seccomp filter, which
 * they inherit, stops them at the system calls of the table below alone, so that the rest is at full
 * speed. A step is the n-th such call of one role, just before it or just after it took effect; so it
 * is the same step in every run, whatever the order between processes. A first run lists the
 * steps; then there is one run for each step and each set of victims, or each error. The filter
 * stays with the survivors, whose calls would fail with ENOSYS without a tracer: they are traced to
 * their end, and only continued.
 *
 * Runs in the network namespace of a laptop of the lab, with its uplink called wlan0.
 */

enum role {
	ROLE_OTHER, /* such as qemu-img */
	ROLE_VMRUN,
	ROLE_NETSETUP,
	ROLE_QEMU,
	ROLE_SPARE, /* a helper that takes over */
	ROLE_CHILD, /* of the helper: deletes the tap */
	ROLE_COUNT,
};

static const char *const role_names[] = { "other", "vmrun", "netsetup", "qemu", "spare", "child" };

#define VMRUN    (1u << ROLE_VMRUN)
#define NETSETUP (1u << ROLE_NETSETUP)
#define QEMU     (1u << ROLE_QEMU)

static const struct {
	const char *name;
	unsigned int roles;
} sets[] = {
	{ "vmrun", VMRUN },
	{ "netsetup", NETSETUP },
	{ "qemu", QEMU },
	{ "vmrun+netsetup", VMRUN | NETSETUP },
	{ "vmrun+qemu", VMRUN | QEMU },
	{ "netsetup+qemu", NETSETUP | QEMU },
	{ "all", VMRUN | NETSETUP | QEMU },
};

#define NONE  (-1)
#define WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/*
 * The calls at which a process is stopped. @argument: NONE, or the one that must have a bit of @mask
 * set; or, with @mask 0, equal @value. @change: it changes the host or another process, so that
 * it is a step for a kill; every row is one for an error, @errors, the first of which is tried always
 * and the rest where all are asked for.
 */
static const struct call {
	int number;
	const char *name;
	bool change;
	int argument;
	unsigned int mask, value;
	int errors[4];
} calls[] = {
	{ SYS_openat, "openat", true, 2, WRITE, 0, { ENOSPC, EACCES, EROFS, ENOMEM } },
	{ SYS_openat, "openat", false, NONE, 0, 0, { EMFILE, ENOENT, EPERM, ENOMEM } },
	{ SYS_mkdir, "mkdir", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_mkdirat, "mkdirat", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_rmdir, "rmdir", true, NONE, 0, 0, { EBUSY, EPERM } },
	{ SYS_unlink, "unlink", true, NONE, 0, 0, { EROFS, EPERM } },
	{ SYS_unlinkat, "unlinkat", true, NONE, 0, 0, { EROFS, EPERM } },
	{ SYS_rename, "rename", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_renameat, "renameat", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_flock, "flock", true, NONE, 0, 0, { ENOLCK, EINTR, ENOMEM } },
	{ SYS_ftruncate, "ftruncate", true, NONE, 0, 0, { ENOSPC, EINTR } },
	{ SYS_pwrite64, "pwrite64", true, NONE, 0, 0, { ENOSPC, EINTR } },
	{ SYS_write, "write", true, NONE, 0, 0, { ENOSPC, EPERM, EINTR, ENOMEM } },
	{ SYS_bind, "bind", true, NONE, 0, 0, { EADDRINUSE, EPERM, ENOMEM } },
	{ SYS_ioctl, "ioctl", true, 1, 0, TUNSETIFF, { EBUSY, EPERM, ENOMEM, EINTR } },
	{ SYS_ioctl, "ioctl", false, NONE, 0, 0, { EPERM, ENOTTY } },
	{ SYS_sendmsg, "sendmsg", true, NONE, 0, 0, { ENOBUFS, EPERM, EINTR, ENOMEM } },
	{ SYS_sendto, "sendto", true, NONE, 0, 0, { ENOBUFS, EPERM, EINTR, ENOMEM } },
	{ SYS_setsockopt, "setsockopt", true, 1, 0, SOL_PACKET, { ENOMEM, EPERM, ENODEV } },
	{ SYS_setsockopt, "setsockopt", false, NONE, 0, 0, { ENOMEM, EPERM, ENOBUFS } },
	{ SYS_fork, "fork", true, NONE, 0, 0, { EAGAIN, ENOMEM } },
	{ SYS_vfork, "vfork", true, NONE, 0, 0, { EAGAIN, ENOMEM } },
	{ SYS_clone, "clone", true, NONE, 0, 0, { EAGAIN, ENOMEM, EPERM } },
	{ SYS_clone3, "clone3", true, NONE, 0, 0, { EAGAIN, ENOMEM, EPERM } },
	{ SYS_execve, "execve", true, NONE, 0, 0, { ENOMEM, EACCES, ENOENT } },
	{ SYS_prctl, "prctl", true, 0, 0, PR_SET_PDEATHSIG, { EPERM, EINVAL } },
	{ SYS_prctl, "prctl", false, NONE, 0, 0, { EPERM, EINVAL } },
	{ SYS_setsid, "setsid", true, NONE, 0, 0, { EPERM } },
	{ SYS_setresuid, "setresuid", true, NONE, 0, 0, { EAGAIN, EPERM } },
	{ SYS_setresgid, "setresgid", true, NONE, 0, 0, { EPERM } },
	{ SYS_setgroups, "setgroups", true, NONE, 0, 0, { EPERM, ENOMEM } },
	{ SYS_capset, "capset", true, NONE, 0, 0, { EPERM } },
	{ SYS_shutdown, "shutdown", true, NONE, 0, 0, { ENOTCONN } },
	{ SYS_kill, "kill", true, NONE, 0, 0, { ESRCH, EPERM } },
	{ SYS_socket, "socket", false, NONE, 0, 0, { EMFILE, EPERM, ENOBUFS, ENOMEM } },
	{ SYS_socketpair, "socketpair", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_listen, "listen", false, NONE, 0, 0, { EADDRINUSE } },
	{ SYS_getsockname, "getsockname", false, NONE, 0, 0, { ENOBUFS } },
	{ SYS_getsockopt, "getsockopt", false, NONE, 0, 0, { ENOBUFS } },
	{ SYS_recvmsg, "recvmsg", false, NONE, 0, 0, { ENOBUFS, EINTR, ENOMEM } },
	{ SYS_recvfrom, "recvfrom", false, NONE, 0, 0, { ENOBUFS, EINTR, ENETDOWN } },
	{ SYS_pipe2, "pipe2", false, NONE, 0, 0, { EMFILE } },
	{ SYS_dup2, "dup2", false, NONE, 0, 0, { EBUSY } },
	{ SYS_fcntl, "fcntl", false, NONE, 0, 0, { EMFILE, EINTR } },
	{ SYS_epoll_create1, "epoll_create1", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_epoll_ctl, "epoll_ctl", false, NONE, 0, 0, { ENOSPC, ENOMEM } },
	{ SYS_epoll_wait, "epoll_wait", false, NONE, 0, 0, { EINTR } },
	{ SYS_poll, "poll", false, NONE, 0, 0, { EINTR, ENOMEM } },
	{ SYS_signalfd4, "signalfd4", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_timerfd_create, "timerfd_create", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_pidfd_open, "pidfd_open", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_memfd_create, "memfd_create", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_mmap, "mmap", false, NONE, 0, 0, { ENOMEM } },
	{ SYS_read, "read", false, NONE, 0, 0, { EINTR, EIO } },
	{ SYS_pread64, "pread64", false, NONE, 0, 0, { EIO } },
	{ SYS_readlink, "readlink", false, NONE, 0, 0, { EACCES, ENOMEM } },
	{ SYS_newfstatat, "newfstatat", false, NONE, 0, 0, { EACCES, ENOMEM } },
	{ SYS_getdents64, "getdents64", false, NONE, 0, 0, { EIO, ENOMEM } },
	{ SYS_close_range, "close_range", false, NONE, 0, 0, { EMFILE } },
	{ SYS_waitid, "waitid", false, NONE, 0, 0, { EINTR, ECHILD } },
	{ SYS_wait4, "wait4", false, NONE, 0, 0, { EINTR, ECHILD } },
};

/* One process that is traced. */
struct tracee {
	pid_t pid;
	enum role role;
	unsigned int count; /* of its steps so far */
	bool alive;
	bool main; /* errors are made from main() on, not in the dynamic loader */
	struct user_regs_struct last; /* at its last write(2) */
	bool want_exit;               /* it is stopped again when the present call has ended */
	int64_t held_until;           /* it stands still so long, ms; 0: it does not */
};

/* What a machine with much to do can keep a process waiting; much longer than the others take. */
#define HOLD_MS     150
#define TICK_MS     10
#define LIMIT_MS    20000
#define TRACEES_MAX 64
#define STEPS_MAX   4096
#define TEXT_SIZE   16384

/* A step, told by its role and number in it. */
struct step {
	enum role role;
	unsigned int number; /* from 1 */
	const struct call *call;
	unsigned int present; /* bits of the roles that are there just before and just after it */
};

/* What is to be done in one run. */
struct plan {
	bool only_changes; /* which calls count */
	bool learn;        /* what vmrun's children become */
	struct step step;
	bool after;
	unsigned int victims; /* bits of roles; 0: none */
	int error;            /* the errno value to fail with, or 0 */
	struct step *list;    /* where each step that is seen is put, or NULL */
	unsigned int list_count;
	const char *output; /* where its standard error goes, or NULL */
};

/* How a run went. */
struct result {
	bool reached;
	unsigned int present; /* which victims there were */
	bool hung;
	int status; /* vmrun's, as waitpid() has it */
	bool ended; /* vmrun's status is known */
	int64_t took_ms;
};

static struct tracee tracees[TRACEES_MAX];
static unsigned int tracee_count;
/* What vmrun's children became, in the order of their forks: known from the first run. */
static enum role children[TRACEES_MAX];
static pid_t child_pids[TRACEES_MAX];
static unsigned int fork_count;

static __attribute__((noreturn)) void die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The filter. */

static void install_filter(bool only_changes)
{
	struct sock_filter code[8 * ARRAY_SIZE(calls) + 8];
	struct sock_fprog program = { 0, code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *call = &calls[i];
		unsigned int offset;

		if (only_changes && !call->change)
			continue;
		if (call->argument == NONE) {
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								 (unsigned int)call->number, 0, 1);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
								 SECCOMP_RET_TRACE | i);
			continue;
		}
		offset = (unsigned int)offsetof(struct seccomp_data, args) +
			 8 * (unsigned int)call->argument;
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned int)call->number, 0, 4);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | (call->mask ? BPF_JSET : BPF_JEQ) | BPF_K,
			call->mask ? call->mask : call->value, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | i);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, nr));
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		die("seccomp");
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

static enum role role_of(const char *program)
{
	if (!strcmp(program, "vmrun"))
		return ROLE_VMRUN;
	if (!strncmp(program, "vmrun-netsetup", 14))
		return ROLE_NETSETUP;
	if (!strncmp(program, "standin", 7) || !strncmp(program, "qemu-system", 11))
		return ROLE_QEMU;
	return ROLE_OTHER;
}

static enum role exec_role(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	return role_of(name);
}

static bool is_step(const struct tracee *tracee, const struct plan *plan)
{
	return tracee->role == plan->step.role && tracee->count == plan->step.number;
}

static void release(struct tracee *tracee)
{
	tracee->held_until = 0;
	ptrace(tracee->want_exit ? PTRACE_SYSCALL : PTRACE_CONT, tracee->pid, 0, 0);
}

static void on_fork(struct tracee *parent, const struct plan *plan)
{
	struct tracee *tracee;
	unsigned long child = 0;
	enum role role = parent->role == ROLE_NETSETUP ? ROLE_CHILD : ROLE_OTHER;

	ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &child);
	if (parent->role == ROLE_VMRUN && fork_count < TRACEES_MAX) {
		/* In the first run it is found out later, see on_exec(). */
		role = plan->learn ? ROLE_OTHER : children[fork_count];
		for (unsigned int i = 0; role == ROLE_NETSETUP && i < fork_count; i++)
			if (children[i] == ROLE_NETSETUP)
				role = ROLE_SPARE;
		child_pids[fork_count++] = (pid_t)child;
	}
	tracee = add((pid_t)child, role);
	tracee->role = role;
	tracee->main = true;
	/* The victims' successor must not find a child half way, however long that one takes. */
	if (role == ROLE_CHILD && plan->victims && is_step(parent, plan))
		tracee->held_until = now_ms() + HOLD_MS;
	else if (tracee->held_until)
		release(tracee);
}

static void on_exec(struct tracee *tracee, bool learn)
{
	enum role role = exec_role(tracee->pid);

	/* All but the first are spares; their role was told at their fork. */
	if (role == ROLE_NETSETUP && tracee->role == ROLE_SPARE)
		role = ROLE_SPARE;
	for (unsigned int i = 0; learn && i < fork_count; i++)
		if (child_pids[i] == tracee->pid)
			children[i] = role;
	/* Steps that a child made before, under the role that it was going to have, go on counting. */
	if (tracee->role != role)
		tracee->count = 0;
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
 * A write to a sysctl waits for the kernel's lock on all networks by being restarted again and again
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

static void act(struct tracee *tracee, const struct plan *plan, struct result *result)
{
	result->reached = true;
	if (plan->error) {
		fail_call(tracee->pid, plan->error);
		return;
	}
	result->present = kill_victims(plan->victims, false);
	/* With one of them missing, it is what was tried without it. */
	if (result->present != plan->victims)
		return;
	kill_victims(plan->victims, true);
	if (tracee->role == ROLE_CHILD)
		tracee->held_until = now_ms() + HOLD_MS;
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
	/* Each main() makes one of these first. */
	if (!plan->only_changes && !tracee->main) {
		tracee->main = tracee->role == ROLE_VMRUN
				       ? call->number == SYS_openat && call->change
				       : call->number == SYS_getsockopt;
		if (!tracee->main)
			return;
	}
	tracee->count++;
	if (plan->list && tracee->role != ROLE_OTHER && plan->list_count < STEPS_MAX) {
		const unsigned int present = kill_victims(~0u, false);

		if (plan->list_count > 0)
			plan->list[plan->list_count - 1].present |= present;
		plan->list[plan->list_count++] = (struct step){ tracee->role, tracee->count, call,
								present };
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
		if (tracee->want_exit && !result->reached)
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
		install_filter(plan->only_changes);
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

static void run(char *const argv[], struct plan *plan, struct result *result)
{
	const struct timeval moment = { .tv_usec = TICK_MS * 1000 };
	const struct itimerval tick = { moment, moment };
	const struct itimerval off = { 0 };
	int64_t limit = now_ms() + LIMIT_MS;
	pid_t vmrun;

	*result = (struct result){ 0 };
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

/* What the host is like: text to compare. */

struct state {
	char kernel[TEXT_SIZE];  /* what goes with descriptors and sockets */
	char network[TEXT_SIZE]; /* what a helper, or a sweep, puts back */
	char files[TEXT_SIZE];   /* of the user */
};

static char *collecting;
/* Empty directories do not count: the call that failed may have been the one to remove them. */
static bool files_alone;

static __attribute__((format(printf, 1, 2))) void collect(const char *format, ...)
{
	size_t used = strlen(collecting);
	va_list args;

	va_start(args, format);
	vsnprintf(collecting + used, TEXT_SIZE - used, format, args);
	va_end(args);
}

static void collect_file(const char *path)
{
	char line[512];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		collect("%s: %s", path, line);
	if (file)
		fclose(file);
}

static int collect_path(const char *path, const struct stat *status, int type, struct FTW *where)
{
	const char *name = path + where->base;

	/* What is to outlive a VM: the directories, the remembered addresses, overlays and locks. */
	if (strcmp(name, "addresses") != 0 && type == FTW_F &&
	    (strstr(path, "/run/") || !strcmp(name, "addresses.new") || strstr(name, ".tmp-") ||
	     strstr(name, ".part")))
		collect("%s\n", path);
	if (type == FTW_D && !files_alone &&
	    (strstr(path, "/run/vmrun") || (strstr(path, "/run/user") && where->level > 0)))
		collect("%s/\n", path);
	return 0;
}

static int proxy_seen(struct nlmsghdr *header, void *context)
{
	struct nlattr *attribute = nlmsg_find_attr(header, sizeof(struct ndmsg), NDA_DST);
	char text[IPV4_TEXT_SIZE];
	struct in_addr address;

	if (attribute && nla_len(attribute) == sizeof(address)) {
		nla_memcpy(&address, attribute, sizeof(address));
		collect("proxy %s\n", ipv4_text(address, text));
	}
	return 0;
}

static void collect_proxies(void)
{
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
	cleanup_nl_sock *route = NULL;
	struct error err;

	if (nl_socket_open(NETLINK_ROUTE, &route, &err) < 0)
		die(err.message);
	nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
	nl_request(route, message, proxy_seen, NULL);
}

static void observe(struct state *state)
{
	static const char *const variables[] = { "XDG_RUNTIME_DIR", "XDG_DATA_HOME",
						 "XDG_STATE_HOME" };
	struct if_nameindex *links = if_nameindex();

	memset(state, 0, sizeof(*state));
	collecting = state->kernel;
	for (size_t i = 0; links && links[i].if_index; i++)
		collect("link %s\n", links[i].if_name);
	if_freenameindex(links);
	collect_file("/proc/net/route");
	collect_file("/sys/class/net/wlan0/flags");
	collecting = state->network;
	collect_file("/proc/sys/net/ipv4/conf/wlan0/forwarding");
	collect_file("/proc/sys/net/ipv4/neigh/wlan0/proxy_delay");
	collect_proxies();
	nftw("/run/vmrun", collect_path, 16, FTW_PHYS);
	collecting = state->files;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/vmrun", getenv(variables[i]));
		nftw(path, collect_path, 16, FTW_PHYS);
	}
}

#define DIFFERS_KERNEL  1u
#define DIFFERS_NETWORK 2u
#define DIFFERS_FILES   4u

static unsigned int compare(const struct state *a, const struct state *b)
{
	return (strcmp(a->kernel, b->kernel) ? DIFFERS_KERNEL : 0) |
	       (strcmp(a->network, b->network) ? DIFFERS_NETWORK : 0) |
	       (strcmp(a->files, b->files) ? DIFFERS_FILES : 0);
}

/* Looks until none of @bits differs, for up to @limit_ms. */
static unsigned int settle(const struct state *before, unsigned int bits, int limit_ms,
			   struct state *now)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	const int64_t end = now_ms() + limit_ms;
	unsigned int differs;

	for (;;) {
		observe(now);
		differs = compare(before, now);
		if (!(differs & bits) || now_ms() >= end)
			return differs;
		nanosleep(&moment, NULL);
	}
}

static int run_plainly(char *const argv[])
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* The runs. */

static char **vmrun_argv, **other_argv;
static struct state before;

/*
 * What must be as before without any sweep: what the kernel removes, always; the network unless the
 * helper was a victim; the user's files unless vmrun was. A vmrun that lost its helper sees to it
 * that another one puts the network back.
 */
static unsigned int promised(unsigned int victims)
{
	unsigned int bits = DIFFERS_KERNEL;

	if (!(victims & NETSETUP) || !(victims & VMRUN))
		bits |= DIFFERS_NETWORK;
	if (!(victims & VMRUN))
		bits |= DIFFERS_FILES;
	return bits;
}

static void show_difference(const struct state *now)
{
	printf("--- before\n%s%s%s--- now\n%s%s%s---\n", before.kernel, before.network,
	       before.files, now->kernel, now->network, now->files);
}

/* Returns whether all is as it must be; sweeps what only a sweep can put back. */
static const char *judge(unsigned int bits, bool by_start)
{
	char *const clean[] = { vmrun_argv[0], (char *)"clean", NULL };
	const char *said = "kept";
	struct state now;
	unsigned int differs = settle(&before, bits, 1000, &now);

	if (differs & bits) {
		show_difference(&now);
		said = "LEAK";
	} else if (differs) {
		said = "swept";
	}
	if (differs) {
		run_plainly(by_start && other_argv ? other_argv : clean);
		if (settle(&before, ~0u, 1000, &now)) {
			show_difference(&now);
			said = "LEAK after sweep";
			run_plainly(clean);
			observe(&before);
		}
	}
	return said;
}

static const char *step_text(const struct step *step, bool after, char *text, size_t size)
{
	snprintf(text, size, "%s#%u %s %s", role_names[step->role], step->number,
		 after ? "after" : "before", step->call->name);
	return text;
}

static unsigned int list_steps(bool only_changes, struct step *steps)
{
	struct plan plan = { .only_changes = only_changes, .list = steps };
	struct plan first = { .only_changes = only_changes, .learn = true };
	struct result result;

	run(vmrun_argv, &first, &result);
	run(vmrun_argv, &plan, &result);
	if (!result.ended || !WIFEXITED(result.status) || WEXITSTATUS(result.status) != 0)
		die("the run without any fault failed");
	settle(&before, ~0u, 1000, &(struct state){ 0 });
	return plan.list_count;
}

/* The one step that was asked for, or part of its name; NULL: all. */
static const char *only;

static bool is_wanted(const struct step *step, bool after)
{
	char text[128];

	return !only || strstr(step_text(step, after, text, sizeof(text)), only);
}

static void kill_each(const struct step *steps, unsigned int count, unsigned int part,
		      unsigned int parts)
{
	char text[128];

	for (unsigned int i = part; i < 2 * count; i += parts) {
		const struct step *step = &steps[i / 2];
		const bool after = i % 2;

		if (!is_wanted(step, after))
			continue;
		for (size_t set = 0; set < ARRAY_SIZE(sets); set++) {
			struct plan plan = { .only_changes = true,
					     .step = *step,
					     .after = after,
					     .victims = sets[set].roles };
			const char *said = "missed";
			struct result result;

			if ((step->present & sets[set].roles) != sets[set].roles)
				continue;
			run(vmrun_argv, &plan, &result);
			if (result.hung)
				said = "HUNG";
			else if (result.reached)
				said = result.present == sets[set].roles ? NULL : "absent";
			if (!said)
				said = judge(promised(sets[set].roles), i / 2 % 2);
			else
				judge(~0u, false);
			printf("kill\t%s\t%s\t%s\n", sets[set].name,
			       step_text(step, after, text, sizeof(text)), said);
			fflush(stdout);
		}
	}
}

/* Its last lines, for the table: what the user reads. */
static void read_output(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = file ? fread(text, 1, size - 1, file) : 0;

	text[length] = '\0';
	if (file)
		fclose(file);
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = *c == '\n' ? '|' : ' ';
}

static void fail_each(const struct step *steps, unsigned int count, unsigned int part,
		      unsigned int parts, unsigned int errors, const char *output)
{
	char text[128], said[4096];

	for (unsigned int i = part; i < count; i += parts) {
		if (!is_wanted(&steps[i], false))
			continue;
		for (unsigned int e = 0; e < errors && steps[i].call->errors[e]; e++) {
			struct plan plan = { .step = steps[i],
					     .error = steps[i].call->errors[e],
					     .output = output };
			const char *left;
			struct result result;

			run(vmrun_argv, &plan, &result);
			/* So may it have been the user's last file. */
			left = judge(DIFFERS_KERNEL | DIFFERS_NETWORK, false);
			read_output(output, said, sizeof(said));
			printf("fail\t%s\t%s\t%s\t%d\t%s\n", strerrorname_np(plan.error),
			       step_text(&steps[i], false, text, sizeof(text)),
			       result.hung      ? "HUNG"
			       : result.reached ? left
						: "missed",
			       !result.ended              ? -1
			       : WIFEXITED(result.status) ? WEXITSTATUS(result.status)
							  : 128 + WTERMSIG(result.status),
			       said);
			fflush(stdout);
		}
	}
}

static __attribute__((noreturn)) void usage(void)
{
	fprintf(stderr, "usage: killat list|kill PART PARTS VMRUN FILE OTHER [STEP]\n"
			"       killat fail PART PARTS VMRUN FILE OUTPUT [ERRORS [STEP]]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static struct step steps[STEPS_MAX];
	struct sigaction alarm_action = { .sa_handler = on_alarm };
	unsigned int part, parts, count;
	char text[128];
	bool kills;

	if (argc < 7)
		usage();
	kills = strcmp(argv[1], "fail") != 0;
	only = argc > (kills ? 7 : 8) ? argv[kills ? 7 : 8] : NULL;
	files_alone = !kills;
	part = (unsigned int)atoi(argv[2]);
	parts = (unsigned int)atoi(argv[3]);
	vmrun_argv = (char *[]){ argv[4], argv[5], NULL };
	other_argv = kills ? (char *[]){ argv[4], argv[6], NULL } : NULL;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGALRM, &alarm_action, NULL);

	/* Directories that are to stay are made by it. */
	run_plainly(vmrun_argv);
	/* The kernel takes a moment to close the helper's sockets. */
	usleep(300000);
	observe(&before);
	count = list_steps(kills, steps);
	if (!strcmp(argv[1], "list"))
		for (unsigned int i = 0; i < count; i++)
			printf("%s\n", step_text(&steps[i], false, text, sizeof(text)));
	else if (kills)
		kill_each(steps, count, part, parts);
	else
		fail_each(steps, count, part, parts, argc > 7 ? (unsigned int)atoi(argv[7]) : 1,
			  argv[6]);
	return 0;
}
