// SPDX-License-Identifier: GPL-2.0-or-later
// Kills vmrun, vmrun-netsetup and QEMU at every step they make, or lets each step fail, and looks
// at what is left.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "tests/fault/sight.h"
#include "tests/fault/trace.h"

/*
 * Theory of operation: vmrun runs under ptrace(2) with all that it starts. A seccomp filter, which
 * they inherit, stops them at the system calls of the table below alone, so that the rest runs at
 * full speed. A step is the n-th of one such call by one role, before or after it took effect;
 * so it is the same step in every run, whatever the order between processes. A first run lists the
 * steps; then there is one run for each step and each set of victims, or each error. The filter
 * stays with the survivors, whose calls would fail with ENOSYS without a tracer: they are traced to
 * their end, and only continued.
 *
 * A netlink request fails in two ways: it is not sent, or the kernel answers no. For the latter
 * an empty request is sent in its place, and its answer made to say so.
 *
 * Runs in the network namespace of a laptop of the lab, with its uplink called wlan0.
 */

static const struct {
	const char *name;
	unsigned int roles;
} sets[] = {
	{ "vmrun", VMRUN },
	{ "supervisor", SUPERVISOR },
	{ "service", SERVICE },
	{ "maker", MAKER },
	{ "worker", WORKER },
	{ "qemu", QEMU },
	{ "vmrun+service", VMRUN | SERVICE },
	{ "vmrun+qemu", VMRUN | QEMU },
	{ "service+qemu", SERVICE | QEMU },
	{ "service+supervisor", SERVICE | SUPERVISOR },
	{ "all but qemu", VMRUN | SERVICE | SUPERVISOR },
	{ "all", VMRUN | SERVICE | SUPERVISOR | QEMU },
};

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
static struct sight before;

/*
 * The parts of the host that must be as before without a sweep. The kernel's part always is; the
 * network is, unless the supervisor was a victim with the service, which it would start again; the
 * user's files are, unless vmrun was. A vmrun of root that lost both starts others (test_fault.py).
 */
static unsigned int promised(unsigned int victims)
{
	unsigned int bits = DIFFERS_KERNEL;

	if ((victims & (SERVICE | SUPERVISOR)) != (SERVICE | SUPERVISOR))
		bits |= DIFFERS_NETWORK;
	if (!(victims & VMRUN))
		bits |= DIFFERS_FILES;
	return bits;
}

static void show_difference(const struct sight *now)
{
	printf("--- before\n%s%s%s--- now\n%s%s%s---\n", before.kernel, before.network,
	       before.files, now->kernel, now->network, now->files);
}

/* Returns whether all is as it must be; sweeps what only a sweep can put back. */
static const char *judge(unsigned int bits, bool by_start)
{
	char *const clean[] = { vmrun_argv[0], (char *)"clean", NULL };
	const char *said = "kept";
	struct sight now;
	unsigned int differs = sight_settle(&before, bits, 1000, &now);

	if (differs & bits) {
		show_difference(&now);
		said = "LEAK";
	} else if (differs) {
		said = "swept";
	}
	if (differs) {
		run_plainly(by_start && other_argv ? other_argv : clean);
		if (sight_settle(&before, ~0u, 1000, &now)) {
			show_difference(&now);
			said = "LEAK after sweep";
			run_plainly(clean);
			sight_take(&before);
		}
	}
	return said;
}

#define RUNS_TO_LIST 3

static int compare_steps(const void *a, const void *b)
{
	const struct step *one = a, *other = b;

	if (one->role != other->role)
		return one->role < other->role ? -1 : 1;
	if (one->call != other->call)
		return one->call < other->call ? -1 : 1;
	return (one->number > other->number) - (one->number < other->number);
}

/* Lists the steps of one run, in an order that is the same for all runs. */
static unsigned int list_run(struct plan *plan)
{
	struct result result;

	trace_run(vmrun_argv, plan, &result);
	if (!result.ended || !WIFEXITED(result.status) || WEXITSTATUS(result.status) != 0)
		die("the run without any fault failed");
	sight_settle(&before, ~0u, 1000, &(struct sight){ 0 });
	qsort(plan->list, plan->list_count, sizeof(*plan->list), compare_steps);
	return plan->list_count;
}

/* Processes that start side by side are not there at the same steps in each run. */
static unsigned int list_steps(bool only_changes, struct step *steps)
{
	static struct step again[STEPS_MAX];
	struct plan first = { .only_changes = only_changes, .learn = true, .list = again };
	struct plan plan = { .only_changes = only_changes, .list = steps };
	unsigned int count;

	list_run(&first);
	count = list_run(&plan);
	for (int i = 0; i < RUNS_TO_LIST; i++) {
		struct plan other = { .only_changes = only_changes, .list = again };
		const unsigned int other_count = list_run(&other);

		for (unsigned int j = 0; j < count; j++) {
			const struct step *same = bsearch(&steps[j], again, other_count,
							  sizeof(*again), compare_steps);

			if (same)
				steps[j].present &= same->present;
		}
	}
	return count;
}

/* Which of so many parts this is; they run side by side, each on a laptop of its own. */
static unsigned int part, parts;

/* By its name, which is the same for all parts, while its place in their lists may differ. */
static bool is_ours(const struct step *step)
{
	return (step->number + 5 * step->role + 7 * (unsigned int)(step->call - calls)) % parts ==
	       part;
}

/* The one step that was asked for, or part of its name; NULL: all. */
static const char *only;

static bool is_wanted(const struct step *step, bool after)
{
	char text[STEP_TEXT_SIZE];

	return !only || strstr(step_text(step, after, text), only);
}

static void kill_each(const struct step *steps, unsigned int count)
{
	char text[STEP_TEXT_SIZE];

	for (unsigned int i = 0; i < 2 * count; i++) {
		const struct step *step = &steps[i / 2];
		const bool after = i % 2;

		if (!is_ours(step) || !is_wanted(step, after))
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
			trace_run(vmrun_argv, &plan, &result);
			if (result.hung)
				said = "HUNG";
			else if (result.reached)
				said = result.present == sets[set].roles ? NULL : "absent";
			if (!said)
				said = judge(promised(sets[set].roles), i / 2 % 2);
			else
				judge(~0u, false);
			printf("kill\t%s\t%s\t%s\n", sets[set].name, step_text(step, after, text),
			       said);
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

/* True: try all errors of the matrix; false: one error for each step, by turns. */
static bool all_errors;
static unsigned int first_error;

/* Count the steps before the @end-th of @step's call and role; below, those that are requests. */
static unsigned int count_alike(const struct step *steps, unsigned int end, const struct step *step)
{
	unsigned int alike = 0;

	for (unsigned int i = 0; i < end; i++)
		alike += steps[i].role == step->role && steps[i].call == step->call;
	return alike;
}

static unsigned int count_requests(const struct step *steps, unsigned int end)
{
	unsigned int requests = 0;

	for (unsigned int i = 0; i < end; i++)
		requests += steps[i].netlink;
	return requests;
}

/*
 * True if the step fails with the @e-th of @errors errors. In a matrix that is not whole, the
 * @turn-th of @turns such steps has its share of the errors; together the steps have all of them.
 */
static bool is_its_turn(unsigned int e, unsigned int errors, unsigned int turn, unsigned int turns)
{
	if (all_errors)
		return true;
	turn += first_error;
	return turns < errors ? e % turns == turn % turns : e == turn % errors;
}

static void fail_once(const struct step *step, int error, bool refused, const char *output)
{
	struct plan plan = { .step = *step, .error = error, .refused = refused, .output = output };
	char text[STEP_TEXT_SIZE], said[4096];
	struct result result;
	const char *left;

	trace_run(vmrun_argv, &plan, &result);
	/* So may it have been the user's last file. */
	left = judge(DIFFERS_KERNEL | DIFFERS_NETWORK, false);
	read_output(output, said, sizeof(said));
	printf("fail\t%s\t%s%s\t%s\t%d\t%s\n", strerrorname_np(error), step_text(step, false, text),
	       refused ? ", refused" : "",
	       result.hung      ? "HUNG"
	       : result.reached ? left
				: "missed",
	       !result.ended              ? -1
	       : WIFEXITED(result.status) ? WEXITSTATUS(result.status)
					  : 128 + WTERMSIG(result.status),
	       said);
	fflush(stdout);
}

/* The kernel's own word, in its answer to a request. */
static const int refusals[] = { EPERM, ENOMEM, ENOSPC, EBUSY, EINTR, ENOBUFS };

static void fail_step(const struct step *steps, unsigned int count, unsigned int i,
		      const char *output)
{
	const struct step *step = &steps[i];
	const unsigned int turn = count_alike(steps, i, step);
	const unsigned int turns = count_alike(steps, count, step);
	unsigned int errors = 0;

	while (errors < ERRORS_MAX && step->call->errors[errors])
		errors++;
	for (unsigned int e = 0; e < errors; e++)
		if (is_its_turn(e, errors, turn, turns))
			fail_once(step, step->call->errors[e], false, output);
	for (unsigned int e = 0; step->netlink && e < ARRAY_SIZE(refusals); e++)
		if (is_its_turn(e, ARRAY_SIZE(refusals), count_requests(steps, i),
				count_requests(steps, count)))
			fail_once(step, refusals[e], true, output);
}

static void fail_each(const struct step *steps, unsigned int count, const char *output)
{
	for (unsigned int i = 0; i < count; i++)
		if (is_ours(&steps[i]) && is_wanted(&steps[i], false))
			fail_step(steps, count, i, output);
}

static __attribute__((noreturn)) void usage(void)
{
	fprintf(stderr, "usage: killat list|kill PART PARTS VMRUN FILE OTHER [STEP]\n"
			"       killat fail PART PARTS VMRUN FILE OUTPUT [all|TURN [STEP]]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static struct step steps[STEPS_MAX];
	unsigned int count;
	char text[STEP_TEXT_SIZE];
	bool kills;

	if (argc < 7)
		usage();
	kills = strcmp(argv[1], "fail") != 0;
	only = argc > (kills ? 7 : 8) ? argv[kills ? 7 : 8] : NULL;
	sight_files_alone = !kills;
	all_errors = argc > 7 && !strcmp(argv[7], "all");
	first_error = !kills && argc > 7 ? (unsigned int)atoi(argv[7]) : 0;
	part = (unsigned int)atoi(argv[2]);
	parts = (unsigned int)atoi(argv[3]);
	/* Root itself may be the caller. */
	vmrun_argv = (char *[]){ argv[4], (char *)"--as-root", argv[5], NULL };
	other_argv = kills ? (char *[]){ argv[4], (char *)"--as-root", argv[6], NULL } : NULL;
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	/* Directories that are to stay are made by it. */
	run_plainly(vmrun_argv);
	/* The kernel takes a moment to close the service's sockets. */
	usleep(300000);
	sight_take(&before);
	count = list_steps(kills, steps);
	if (!strcmp(argv[1], "list"))
		for (unsigned int i = 0; i < count; i++)
			printf("%s\n", step_text(&steps[i], false, text));
	else if (kills)
		kill_each(steps, count);
	else
		fail_each(steps, count, argv[6]);
	return 0;
}
