// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the command line by the table of commands and the table of options.
#include "launcher/common/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

static int set_override(struct options *options, const char *value, struct error *err);
static int set_uplink(struct options *options, const char *value, struct error *err);
static int set_address(struct options *options, const char *value, struct error *err);
static int set_format(struct options *options, const char *value, struct error *err);
static int set_quiet(struct options *options, const char *value, struct error *err);
static int set_verbose(struct options *options, const char *value, struct error *err);
static int set_accept_digest(struct options *options, const char *value, struct error *err);
static int set_locked(struct options *options, const char *value, struct error *err);
static int set_dry_run(struct options *options, const char *value, struct error *err);
static int set_detach(struct options *options, const char *value, struct error *err);
static int set_wait(struct options *options, const char *value, struct error *err);
static int set_json(struct options *options, const char *value, struct error *err);
static int set_now(struct options *options, const char *value, struct error *err);
static int set_timeout(struct options *options, const char *value, struct error *err);
static int set_yes(struct options *options, const char *value, struct error *err);
static int set_words(struct options *options, const char *value, struct error *err);

/* An option without a function runs the command of its name; every command accepts it. */
static const struct option_row {
	const char *name;
	char letter; /* or 0 */
	const char *argument;
	unsigned int bits;
	int (*set)(struct options *options, const char *value, struct error *err);
	const char *help;
} rows[] = {
	{ "set", 's', "KEY.PATH=VALUE", OPTION_SET, set_override, "override one key" },
	{ "uplink", 0, "IF", OPTION_UPLINK, set_uplink, "the same as --set network.uplink=IF" },
	{ "address", 0, "IP", OPTION_ADDRESS, set_address, "the same as --set network.address=IP" },
	{ "accept-digest", 0, NULL, OPTION_ACCEPT_DIGEST, set_accept_digest,
	  "print the digests that the definition lacks" },
	{ "locked", 0, NULL, OPTION_LOCKED, set_locked, "require the values of the lock file" },
	{ "dry-run", 'n', NULL, OPTION_DRY_RUN, set_dry_run, "print each change, change nothing" },
	{ "verbose", 'v', NULL, OPTION_VERBOSE, set_verbose, "print each change to the host" },
	{ "quiet", 'q', NULL, OPTION_QUIET, set_quiet, "print errors only" },
	{ "format", 'f', "yaml|json|argv", OPTION_FORMAT, set_format, "argv: the QEMU command" },
	{ "detach", 'd', NULL, OPTION_DETACH, set_detach, "return when the VM is on the LAN" },
	{ "wait", 0, "lan|ssh", OPTION_WAIT, set_wait, "detach when this is ready" },
	{ "json", 0, NULL, OPTION_JSON, set_json, "print JSON" },
	{ "now", 0, NULL, OPTION_NOW, set_now, "end the VM without a request to the guest" },
	{ "timeout", 0, "SECONDS", OPTION_TIMEOUT, set_timeout, "seconds to wait for power-off" },
	{ "yes", 'y', NULL, OPTION_YES, set_yes, "do not ask" },
	{ "words", 0, NULL, OPTION_WORDS, set_words, "print the words for completion" },
	{ "help", 'h', NULL, 0, NULL, "print this text" },
	{ "version", 'V', NULL, 0, NULL, "print the version" },
};

static int set_override(struct options *options, const char *value, struct error *err)
{
	if (options->override_count == OPTIONS_OVERRIDES_MAX)
		return error_setf(err, STATUS_USAGE, EINVAL, "more than %d times --set",
				  OPTIONS_OVERRIDES_MAX);
	options->overrides[options->override_count] = strdup(value);
	if (!options->overrides[options->override_count])
		return error_set_errno(err, ENOMEM, "cannot store '--set %s'", value);
	options->override_count++;
	return 0;
}

static int set_network_key(struct options *options, const char *key, const char *value,
			   struct error *err)
{
	cleanup_free char *text = NULL;

	text = text_format("network.%s=%s", key, value);
	if (!text)
		return error_set_errno(err, ENOMEM, "cannot store '--%s'", key);
	return set_override(options, text, err);
}

static int set_uplink(struct options *options, const char *value, struct error *err)
{
	return set_network_key(options, "uplink", value, err);
}

static int set_address(struct options *options, const char *value, struct error *err)
{
	return set_network_key(options, "address", value, err);
}

static int set_format(struct options *options, const char *value, struct error *err)
{
	static const char *const names[] = {
		[PRINT_YAML] = "yaml", [PRINT_JSON] = "json", [PRINT_ARGV] = "argv"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		options->format = (enum print_format)i;
		return 0;
	}
	return error_setf(err, STATUS_USAGE, EINVAL,
			  "'--format=%s' is not one of yaml, json and argv", value);
}

static int set_quiet(struct options *options, const char *value, struct error *err)
{
	options->quiet = true;
	return 0;
}

static int set_verbose(struct options *options, const char *value, struct error *err)
{
	options->verbose = true;
	return 0;
}

static int set_accept_digest(struct options *options, const char *value, struct error *err)
{
	options->accept_digest = true;
	return 0;
}

static int set_locked(struct options *options, const char *value, struct error *err)
{
	options->locked = true;
	return 0;
}

static int set_dry_run(struct options *options, const char *value, struct error *err)
{
	options->dry_run = true;
	return 0;
}

static int set_detach(struct options *options, const char *value, struct error *err)
{
	options->detach = true;
	return 0;
}

static int set_wait(struct options *options, const char *value, struct error *err)
{
	if (strcmp(value, "lan") != 0 && strcmp(value, "ssh") != 0)
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "'--wait=%s' is not one of lan and ssh", value);
	options->wait = strcmp(value, "ssh") == 0 ? WAIT_SSH : WAIT_LAN;
	options->detach = true;
	return 0;
}

static int set_json(struct options *options, const char *value, struct error *err)
{
	options->json = true;
	return 0;
}

static int set_now(struct options *options, const char *value, struct error *err)
{
	options->now = true;
	return 0;
}

static int set_timeout(struct options *options, const char *value, struct error *err)
{
	char *end;
	const long seconds = strtol(value, &end, 10);

	if (end == value || *end || seconds < 0 || seconds > 86400)
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "'--timeout=%s' is not a number of seconds from 0 to 86400",
				  value);
	options->timeout = (int)seconds;
	return 0;
}

static int set_yes(struct options *options, const char *value, struct error *err)
{
	options->yes = true;
	return 0;
}

static int set_words(struct options *options, const char *value, struct error *err)
{
	options->words = true;
	return 0;
}

static const struct command *find_command(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->command_count; i++)
		if (strcmp(options->commands[i].name, name) == 0)
			return &options->commands[i];
	return NULL;
}

/* Fills the tables for getopt_long(3); an option's value is its row's number plus 1. */
static void getopt_tables(struct option longs[ARRAY_SIZE(rows) + 1],
			  char letters[2 * ARRAY_SIZE(rows) + 2])
{
	char *letter = letters;

	/* With ':', getopt_long(3) returns ':' for a missing argument. */
	*letter++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		longs[i] = (struct option){ rows[i].name,
					    rows[i].argument ? required_argument : no_argument,
					    NULL, (int)i + 1 };
		if (!rows[i].letter)
			continue;
		*letter++ = rows[i].letter;
		if (rows[i].argument)
			*letter++ = ':';
	}
	*letter = '\0';
	longs[ARRAY_SIZE(rows)] = (struct option){ 0 };
}

static const struct option_row *find_row(int value)
{
	if (value >= 1 && value <= (int)ARRAY_SIZE(rows))
		return &rows[value - 1];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter && rows[i].letter == value)
			return &rows[i];
	return NULL;
}

static int usage_error(struct error *err)
{
	error_remedy(err, "see 'vmrun help'");
	return -EINVAL;
}

/*
 * Explains why getopt_long(3) refused an option. optopt is 0 for an unknown name, the row's value
 * for a known one, else a letter, which may be one of several in the argument.
 */
static int bad_option(int value, char **argv, struct error *err)
{
	const bool is_letter = optopt > (int)ARRAY_SIZE(rows);
	const char letter[] = { '-', (char)optopt, '\0' };
	const char *option = is_letter ? letter : argv[optind - 1];

	if (value == ':')
		error_setf(err, STATUS_USAGE, EINVAL, "no value for option '%s'", option);
	else if (optopt && !is_letter)
		error_setf(err, STATUS_USAGE, EINVAL, "option '%s' takes no value", option);
	else
		error_setf(err, STATUS_USAGE, EINVAL, "unknown option '%s'", option);
	return usage_error(err);
}

static int take_options(int argc, char **argv, struct options *options, unsigned int *used,
			struct error *err)
{
	struct option longs[ARRAY_SIZE(rows) + 1];
	char letters[2 * ARRAY_SIZE(rows) + 2];
	int value;

	getopt_tables(longs, letters);
	/* vmrun accepts options after operands, even if POSIXLY_CORRECT is set. */
	unsetenv("POSIXLY_CORRECT");
	opterr = 0;
	optind = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *row = find_row(value);

		if (!row)
			return bad_option(value, argv, err);
		if (!row->set)
			options->command = find_command(options, row->name);
		else if (row->set(options, optarg, err) < 0)
			return -err->code;
		used[row - rows] = 1;
	}
	return 0;
}

/* Takes the first operand if it names a command, which --help and --version override. */
static bool take_command(struct options *options)
{
	const struct command *command;

	command = options->file_count ? find_command(options, options->files[0]) : NULL;
	if (!command)
		return false;
	if (!options->command)
		options->command = command;
	options->files++;
	options->file_count--;
	return true;
}

/*
 * Refuses a misspelt command, which the parser took for the FILE of run: either more operands
 * follow or no such file exists.
 */
static int check_command(const struct options *options, struct error *err)
{
	const char *word = options->file_count ? options->files[0] : "";
	const char *meant = text_nearest(word, options->commands, options->command_count,
					 sizeof(options->commands[0]));

	if (!meant || strchr(word, '/') ||
	    (options->file_count == 1 && faccessat(AT_FDCWD, word, F_OK, AT_EACCESS) == 0))
		return 0;
	error_setf(err, STATUS_USAGE, EINVAL, "no command '%s'; did you mean '%s'?", word, meant);
	return usage_error(err);
}

static int check_operands(const struct options *options, const unsigned int *used,
			  struct error *err)
{
	const struct command *command = options->command;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!used[i] || !rows[i].bits || (rows[i].bits | OPTION_ANY) & command->options)
			continue;
		error_setf(err, STATUS_USAGE, EINVAL, "'--%s' is not an option of 'vmrun %s'",
			   rows[i].name, command->name);
		return usage_error(err);
	}
	if (options->file_count < command->least) {
		error_setf(err, STATUS_USAGE, EINVAL, "'vmrun %s' needs %s", command->name,
			   strncmp(command->operands, "FILE", 4) == 0   ? "a definition file"
			   : strncmp(command->operands, "NAME", 4) == 0 ? "a VM's name"
									: command->operands);
		return usage_error(err);
	}
	if (options->file_count > command->most) {
		error_setf(err, STATUS_USAGE, EINVAL, "'vmrun %s' does not take '%s'",
			   command->name, options->files[command->most]);
		return usage_error(err);
	}
	return 0;
}

/* Takes the operands of a command that passes options on, as 'vmrun ssh NAME -v' does. */
static bool take_passed(int argc, char **argv, struct options *options)
{
	const struct command *command = argc > 2 ? find_command(options, argv[1]) : NULL;

	if (!command || !(command->options & OPTION_PASSED) || argv[2][0] == '-')
		return false;
	options->command = command;
	options->files = argv + 2;
	options->file_count = (unsigned int)(argc - 2);
	return true;
}

int options_parse(int argc, char **argv, const struct command *commands, size_t count,
		  struct options *options, struct error *err)
{
	unsigned int used[ARRAY_SIZE(rows)] = { 0 };
	int ret;

	*options = (struct options){ .commands = commands, .command_count = count, .timeout = -1 };
	if (take_passed(argc, argv, options))
		return 0;
	ret = take_options(argc, argv, options, used, err);
	if (ret < 0)
		return ret;
	options->files = argv + optind;
	options->file_count = (unsigned int)(argc - optind);
	if (!take_command(options)) {
		ret = check_command(options, err);
		if (ret < 0)
			return ret;
	}
	if (!options->command)
		options->command = &commands[0];
	return check_operands(options, used, err);
}

void options_done(struct options *options)
{
	for (unsigned int i = 0; i < options->override_count; i++)
		free(options->overrides[i]);
	options->override_count = 0;
}

void options_usage(const struct options *options, FILE *stream)
{
	fprintf(stream, "usage: vmrun [OPTION...] FILE\n"
			"       vmrun COMMAND [OPTION...] [OPERAND...]\n\ncommands:\n");
	for (size_t i = 0; i < options->command_count; i++) {
		const struct command *command = &options->commands[i];

		fprintf(stream, "  %-10s %-17s %s%s\n", command->name, command->operands,
			command->help, i == 0 ? " (the default)" : "");
	}
	fprintf(stream, "\noptions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char letter[] = { '-', rows[i].letter, ',', '\0' };
		char name[40];

		snprintf(name, sizeof(name), "--%s%s%s", rows[i].name, rows[i].argument ? "=" : "",
			 rows[i].argument ? rows[i].argument : "");
		fprintf(stream, "  %-3s %-24s %s\n", rows[i].letter ? letter : "", name,
			rows[i].help);
	}
	fprintf(stream, "\nGive a file that has a command's name as './NAME'. "
			"See vmrun(1) and vmrun.yaml(5).\n");
}

static void write_option(const struct option_row *row, FILE *stream)
{
	const char *argument = row->argument ? row->argument : "";

	fprintf(stream, "--%s%s\t%s\t%s\n", row->name, *argument ? "=" : "", row->help, argument);
	if (row->letter)
		fprintf(stream, "-%c\t%s\t%s\n", row->letter, row->help, argument);
}

void options_words(const struct options *options, const char *command, FILE *stream)
{
	const struct command *row = command ? find_command(options, command) : NULL;

	for (size_t i = 0; !command && i < options->command_count; i++) {
		const struct command *shown = &options->commands[i];

		fprintf(stream, "%s\t%s\t%s\n", shown->name, shown->help, shown->operands);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!command || (row && (!rows[i].bits || rows[i].bits & row->options)))
			write_option(&rows[i], stream);
}
