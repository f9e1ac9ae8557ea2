// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the command line by the table of commands and the table of options.
#include "launcher/common/options.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/vm_name.h"

static int set_override(struct options *options, const char *value, struct error *err);
static int set_uplink(struct options *options, const char *value, struct error *err);
static int set_address(struct options *options, const char *value, struct error *err);
static int set_format(struct options *options, const char *value, struct error *err);
static int set_wait(struct options *options, const char *value, struct error *err);
static int set_timeout(struct options *options, const char *value, struct error *err);
static int set_escape(struct options *options, const char *value, struct error *err);

#define FLAG(member)   offsetof(struct options, member), NULL
#define CALL(function) 0, function

/*
 * An option sets the bool at offset @flag, or calls a function. One without both runs the command
 * of its name; every command accepts it. Two options of different commands may share a letter.
 */
static const struct option_row {
	const char *name;
	char letter; /* or 0 */
	const char *argument;
	unsigned int bits;
	size_t flag;
	int (*set)(struct options *options, const char *value, struct error *err);
	const char *help;
} rows[] = {
	{ "set", 's', "KEY.PATH=VALUE", OPTION_SET, CALL(set_override), "override one key" },
	{ "uplink", 0, "IF", OPTION_UPLINK, CALL(set_uplink),
	  "the same as --set network.uplink=IF" },
	{ "address", 0, "IP", OPTION_ADDRESS, CALL(set_address),
	  "the same as --set network.address=IP" },
	{ "accept-digest", 0, NULL, OPTION_ACCEPT_DIGEST, FLAG(accept_digest),
	  "print the digests that the definition lacks" },
	{ "locked", 0, NULL, OPTION_LOCKED, FLAG(locked), "require the values of the lock file" },
	{ "dry-run", 'n', NULL, OPTION_DRY_RUN, FLAG(dry_run),
	  "print each change, change nothing" },
	{ "verbose", 'v', NULL, OPTION_VERBOSE, FLAG(verbose), "print each change to the host" },
	{ "quiet", 'q', NULL, OPTION_QUIET, FLAG(quiet), "print errors only" },
	{ "format", 'f', "yaml|json|argv", OPTION_FORMAT, CALL(set_format),
	  "argv: the QEMU command" },
	{ "detach", 'd', NULL, OPTION_DETACH, FLAG(detach), "return when the VM is on the LAN" },
	{ "wait", 0, "lan|ssh", OPTION_WAIT, CALL(set_wait), "detach when this is ready" },
	{ "as-root", 0, NULL, OPTION_AS_ROOT, FLAG(as_root), "run QEMU as root if root calls" },
	{ "follow", 'f', NULL, OPTION_FOLLOW, FLAG(follow), "print the lines that come, too" },
	{ "raw", 0, NULL, OPTION_RAW, FLAG(raw), "keep what acts on a terminal" },
	{ "escape", 'e', "KEY", OPTION_ESCAPE, CALL(set_escape),
	  "detach by this key, such as ^T, not Ctrl-]" },
	{ "json", 0, NULL, OPTION_JSON, FLAG(json), "print JSON" },
	{ "now", 0, NULL, OPTION_NOW, FLAG(now), "end the VM without a request to the guest" },
	{ "timeout", 0, "SECONDS", OPTION_TIMEOUT, CALL(set_timeout), "seconds to wait" },
	{ "yes", 'y', NULL, OPTION_YES, FLAG(yes), "do not ask" },
	{ "words", 0, NULL, OPTION_WORDS, FLAG(words), "print the words for completion" },
	{ "help", 'h', NULL, 0, 0, NULL, "print this text, or the help of a command" },
	{ "version", 'V', NULL, 0, 0, NULL, "print the version" },
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

static int set_wait(struct options *options, const char *value, struct error *err)
{
	if (strcmp(value, "lan") != 0 && strcmp(value, "ssh") != 0)
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "'--wait=%s' is not one of lan and ssh", value);
	options->wait = strcmp(value, "ssh") == 0 ? WAIT_SSH : WAIT_LAN;
	options->detach = true;
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

static int set_escape(struct options *options, const char *value, struct error *err)
{
	const bool is_control = value[0] == '^' && value[1] >= '@' && !value[2];

	if (strcmp(value, "none") != 0 && !is_control)
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "'--escape=%s' is not none or a control key such as ^T", value);
	options->escape = is_control ? value[1] & 0x1f : OPTIONS_NO_ESCAPE;
	return 0;
}

/* True if a list of words with blanks between them has this word. */
static bool has_word(const char *words, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = words; length && (at = strstr(at, word)); at += length)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

static const struct command *find_command(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->command_count; i++)
		if (strcmp(options->commands[i].name, name) == 0 ||
		    has_word(options->commands[i].aliases, name))
			return &options->commands[i];
	return NULL;
}

/* Finds the row of a letter: that of the command, else the first. */
static const struct option_row *find_letter(int letter, const struct command *command)
{
	const struct option_row *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter && rows[i].letter == letter &&
		    (!found || (command && rows[i].bits & command->options)))
			found = &rows[i];
	return found;
}

/* Fills the tables for getopt_long(3); an option's value is its row's number plus 1. */
static void getopt_tables(bool passes, const struct command *command,
			  struct option longs[ARRAY_SIZE(rows) + 1],
			  char letters[2 * ARRAY_SIZE(rows) + 3])
{
	char *letter = letters;

	/* '+': options end at the first operand. ':': it returns ':' for a missing argument. */
	if (passes)
		*letter++ = '+';
	*letter++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		longs[i] = (struct option){ rows[i].name,
					    rows[i].argument ? required_argument : no_argument,
					    NULL, (int)i + 1 };
		if (find_letter(rows[i].letter, command) != &rows[i])
			continue;
		*letter++ = rows[i].letter;
		if (rows[i].argument)
			*letter++ = ':';
	}
	*letter = '\0';
	longs[ARRAY_SIZE(rows)] = (struct option){ 0 };
}

static const struct option_row *find_row(int value, const struct command *command)
{
	if (value >= 1 && value <= (int)ARRAY_SIZE(rows))
		return &rows[value - 1];
	return find_letter(value, command);
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
	cleanup_free char *name = is_letter || strlen(option) < 2
					  ? NULL
					  : strndup(option + 2, strcspn(option + 2, "="));
	const char *meant = name ? text_nearest(name, rows, ARRAY_SIZE(rows), sizeof(rows[0]))
				 : NULL;

	if (value == ':')
		error_setf(err, STATUS_USAGE, EINVAL, "no value for option '%s'", option);
	else if (optopt && !is_letter)
		error_setf(err, STATUS_USAGE, EINVAL, "option '%s' takes no value", option);
	else if (meant)
		error_setf(err, STATUS_USAGE, EINVAL, "unknown option '%s'; did you mean '--%s'?",
			   option, meant);
	else
		error_setf(err, STATUS_USAGE, EINVAL, "unknown option '%s'", option);
	return usage_error(err);
}

/*
 * @passes: end at the first operand.
 * @command: the command on the command line, which decides between options of one letter, or NULL.
 */
static int take_options(int argc, char **argv, bool passes, const struct command *command,
			struct options *options, unsigned int *used, struct error *err)
{
	struct option longs[ARRAY_SIZE(rows) + 1];
	char letters[2 * ARRAY_SIZE(rows) + 3];
	int value;

	getopt_tables(passes, command, longs, letters);
	/* vmrun accepts options after operands, even if POSIXLY_CORRECT is set. */
	unsetenv("POSIXLY_CORRECT");
	opterr = 0;
	optind = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *row = find_row(value, command);

		if (!row)
			return bad_option(value, argv, err);
		if (row->flag)
			*(bool *)((char *)options + row->flag) = true;
		else if (!row->set)
			options->command = find_command(options, row->name);
		else if (row->set(options, optarg, err) < 0)
			return -err->code;
		used[row - rows] = 1;
	}
	return 0;
}

/*
 * Takes the first operand if it names a command. --help and --version override it: the command is
 * then their only operand.
 */
static bool take_command(struct options *options)
{
	const struct command *command;

	command = options->file_count ? find_command(options, options->files[0]) : NULL;
	if (options->command) {
		options->file_count = command ? 1 : 0;
		return true;
	}
	if (!command)
		return false;
	options->command = command;
	options->files++;
	options->file_count--;
	return true;
}

/* Words that other programs have as commands, and what vmrun has instead. */
static const struct advice {
	const char *words;
	const char *text;
} advices[] = {
	{ "start up boot launch", "start a VM by its definition: vmrun FILE" },
	{ "restart reboot", "restart a VM: vmrun stop NAME, then vmrun FILE" },
	{ "down halt shutdown poweroff", "power a VM off: vmrun stop NAME" },
	{ "kill", "end a VM at once: vmrun stop --now NAME" },
	{ "rm remove delete destroy",
	  "end a VM: vmrun stop NAME; remove what it has written: vmrun reset NAME" },
	{ "ip info show inspect", "show a VM with its address: vmrun status NAME" },
	{ "attach connect", "attach to a VM's console: vmrun console NAME" },
	{ "exec", "run a command in the guest: vmrun ssh NAME COMMAND" },
	{ "cp scp push pull", "copy a file into the guest: vmrun ssh NAME 'cat >FILE' <FILE" },
	{ "edit config", "edit the definition with your editor; vmrun reads it at the next start" },
	{ "create new", "write a definition: vmrun init TEMPLATE NAME" },
	{ "images image", "fetch the images of a definition: vmrun fetch FILE" },
};

static const char *find_advice(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (has_word(advices[i].words, word))
			return advices[i].text;
	return NULL;
}

/*
 * Refuses a first word that is no command and, alone, no file: the parser took it for the FILE of
 * run. A single word that resembles no command stays a FILE that is missing.
 */
static int check_command(const struct options *options, struct error *err)
{
	const char *word = options->file_count ? options->files[0] : "";
	const char *advice = find_advice(word);
	const char *meant = text_nearest(word, options->commands, options->command_count,
					 sizeof(options->commands[0]));
	const bool exists = faccessat(AT_FDCWD, word, F_OK, AT_EACCESS) == 0;

	if (!vm_name_valid(word) || (exists && (options->file_count == 1 || !meant)) ||
	    (options->file_count == 1 && !meant && !advice))
		return 0;
	if (advice || !meant)
		error_setf(err, STATUS_USAGE, EINVAL, "no command '%s'", word);
	else
		error_setf(err, STATUS_USAGE, EINVAL, "no command '%s'; did you mean '%s'?", word,
			   meant);
	if (advice)
		error_remedy(err, "%s", advice);
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
	if (options->timeout >= 0 && command->options & OPTION_WAIT && options->wait != WAIT_SSH) {
		error_setf(err, STATUS_USAGE, EINVAL,
			   "'--timeout' of 'vmrun %s' needs '--wait=ssh'", command->name);
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

/* Returns the first command among the words, before getopt_long(3) has sorted them, or NULL. */
static const struct command *guess_command(int argc, char **argv, const struct options *options)
{
	const struct command *command = NULL;

	for (int i = 1; i < argc && !command; i++)
		command = find_command(options, argv[i]);
	return command;
}

int options_parse(int argc, char **argv, const struct command *commands, size_t count,
		  struct options *options, struct error *err)
{
	unsigned int used[ARRAY_SIZE(rows)] = { 0 };
	const struct command *guess;
	int passes, first;
	int ret;

	*options = (struct options){ .commands = commands,
				     .command_count = count,
				     .escape = OPTIONS_ESCAPE,
				     .timeout = -1 };
	guess = guess_command(argc, argv, options);
	/* 'vmrun ssh --timeout=9 NAME -v': vmrun's options end at the first operand. */
	passes = guess && guess->options & OPTION_PASSED && find_command(options, argv[1]);
	ret = take_options(argc - passes, argv + passes, passes, guess, options, used, err);
	if (ret < 0)
		return ret;
	/* With --help, the command itself is the operand. */
	first = passes && options->command ? 1 : optind + passes;
	options->files = argv + first;
	options->file_count = (unsigned int)(argc - first);
	if (passes && !options->command) {
		options->command = guess;
	} else if (!take_command(options)) {
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

static void write_command(const struct command *command, bool is_default, FILE *stream)
{
	fprintf(stream, "  %-10s %-17s %s%s\n", command->name, command->operands, command->help,
		is_default ? " (the default)" : "");
}

/* Prints a line for each option that has one of @bits; those without bits fit every command. */
static void write_options(unsigned int bits, FILE *stream)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char letter[] = { '-', rows[i].letter, ',', '\0' };
		char name[40];

		if (rows[i].bits && !(rows[i].bits & bits))
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", rows[i].name, rows[i].argument ? "=" : "",
			 rows[i].argument ? rows[i].argument : "");
		fprintf(stream, "  %-3s %-24s %s\n", rows[i].letter ? letter : "", name,
			rows[i].help);
	}
}

void options_usage(const struct options *options, FILE *stream)
{
	fprintf(stream, "usage: vmrun [OPTION...] FILE\n"
			"       vmrun COMMAND [OPTION...] [OPERAND...]\n");
	for (size_t i = 0; i < options->command_count; i++) {
		if (options->commands[i].group)
			fprintf(stream, "\n%s:\n", options->commands[i].group);
		write_command(&options->commands[i], i == 0, stream);
	}
	fprintf(stream, "\noptions:\n");
	write_options(~OPTION_WORDS, stream);
	fprintf(stream, "\nThe options of one command: vmrun help COMMAND. "
			"Give a file that has a command's\n"
			"name as './NAME'. See vmrun(1) and vmrun.yaml(5).\n");
}

bool options_help(const struct options *options, const char *word, FILE *stream)
{
	const struct command *command = find_command(options, word);

	if (!command)
		return false;
	fprintf(stream, "usage: vmrun %s [OPTION...] %s\n\n%c%s.\n", command->name,
		command->operands, toupper((unsigned char)command->help[0]), command->help + 1);
	if (command->aliases[0])
		fprintf(stream, "Other names: %s.\n", command->aliases);
	fprintf(stream, "\noptions:\n");
	write_options(command->options, stream);
	return true;
}

static void write_option(const struct option_row *row, FILE *stream)
{
	const char *argument = row->argument ? row->argument : "";

	fprintf(stream, "--%s%s\t%s\t%s\n", row->name, *argument ? "=" : "", row->help, argument);
	if (row->letter)
		fprintf(stream, "-%c\t%s\t%s\n", row->letter, row->help, argument);
}

static void write_word(const char *word, size_t length, const struct command *row, FILE *stream)
{
	fprintf(stream, "%.*s\t%s\t%s\n", (int)length, word, row->help, row->operands);
}

void options_words(const struct options *options, const char *command, FILE *stream)
{
	const struct command *row = command ? find_command(options, command) : NULL;

	for (size_t i = 0; !command && i < options->command_count; i++) {
		const struct command *shown = &options->commands[i];

		write_word(shown->name, strlen(shown->name), shown, stream);
		for (const char *at = shown->aliases; *at; at += strspn(at, " ")) {
			const size_t length = strcspn(at, " ");

			write_word(at, length, shown, stream);
			at += length;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!command || (row && (!rows[i].bits || rows[i].bits & row->options)))
			write_option(&rows[i], stream);
}
