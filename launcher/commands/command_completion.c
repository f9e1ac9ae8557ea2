// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the completion script of a shell.
#include "launcher/commands/command_completion.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/commands/command_table.h"
#include "launcher/common/options.h"
#include "launcher/definition/keys.h"
#include "launcher/yaml/schema.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: each shell has a fixed frame, which knows how to complete each kind of value,
 * and between its parts the tables as that shell's language has them. What depends on the moment,
 * such as the VMs that run, the frame asks vmrun.
 */

static bool next_command(unsigned int index, struct command *command)
{
	if (index < command_table_count)
		*command = command_table[index];
	return index < command_table_count;
}

static bool takes(const struct command *command, const struct option_info *option)
{
	return !option->bits || option->bits & command->options;
}

/* A kind of value by the first words of its name in the tables; the frames have a function of each. */
static const struct kind {
	const char *argument;
	const char *name;
} kinds[] = {
	{ "FILE", "file" },          { "NAME|FILE", "vm" }, { "NAME", "vm" },
	{ "[TEMPLATE", "template" }, { "IF", "interface" }, { "KEY.PATH", "key" },
};

/**
 * kind_of() - how a value is completed.
 * @argument: as the tables name it, or NULL.
 * @words: the words that it can be, with blanks between them; empty for other kinds.
 *
 * Return: the kind: "words", one of @kinds, or "nothing".
 */
static const char *kind_of(const char *argument, char words[64])
{
	words[0] = '\0';
	for (size_t i = 0; argument && i < ARRAY_SIZE(kinds); i++)
		if (strncmp(argument, kinds[i].argument, strlen(kinds[i].argument)) == 0)
			return kinds[i].name;
	if (!argument || !strchr(argument, '|'))
		return "nothing";
	snprintf(words, 64, "%s", argument);
	for (char *bar = words; (bar = strchr(bar, '|'));)
		*bar = ' ';
	return "words";
}

/* The ways to all the keys of a definition, as --set has them, with '=' after each. */
static void print_keys(const char *prefix, const struct keys *keys)
{
	char path[128];

	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];

		snprintf(path, sizeof(path), "%s%s", prefix, key->name);
		if (key->type->shapes & NODE_MAPPING && key->detail) {
			strncat(path, ".", sizeof(path) - strlen(path) - 1);
			print_keys(path, key->detail);
		} else {
			printf(" %s=", path);
		}
	}
}

/* bash. */

static const char bash_begin[] =
	"# bash completion for vmrun(1), as `vmrun completion bash` writes it\n"
	"\n"
	"# Readline has '=' between words: --format=json are three.\n"
	"_vmrun_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\"); }\n"
	"_vmrun_nothing() { COMPREPLY=(); }\n"
	"_vmrun_file()\n"
	"{\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -f -X '!*.@(yaml|yml|json)' -- \"$2\"; compgen -d -- "
	"\"$2\")\n"
	"}\n"
	"_vmrun_vm() { _vmrun_words \"$(vmrun list 2>/dev/null | sed '1d; s/ .*//')\" \"$2\"; }\n"
	"_vmrun_template() { _vmrun_words \"$(vmrun init 2>/dev/null | sed 's/ .*//')\" \"$2\"; }\n"
	"_vmrun_interface() { _vmrun_words \"$(ls /sys/class/net 2>/dev/null)\" \"$2\"; }\n"
	"_vmrun_key()\n"
	"{\n"
	"\tcompopt -o nospace 2>/dev/null\n"
	"\t_vmrun_words \"$_vmrun_keys\" \"$2\"\n"
	"}\n";

static const char bash_end[] =
	"\n"
	"_vmrun()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal command='' word index\n"
	"\tshopt -q extglob || shopt -s extglob\n"
	"\tif [[ $cur == '=' ]]; then\n"
	"\t\tcur=''\n"
	"\telif [[ $prev == '=' ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\tfor ((index = 1; index < COMP_CWORD; index++)); do\n"
	"\t\tword=${COMP_WORDS[index]}\n"
	"\t\tif [[ \" $_vmrun_commands \" == *\" $word \"* ]]; then\n"
	"\t\t\tcommand=$word\n"
	"\t\t\tbreak\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tCOMPREPLY=()\n"
	"\t_vmrun_value \"$prev\" \"$cur\" && return\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tcompopt -o nospace 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_vmrun_options \"${command:-run}\")\" -- "
	"\"$cur\")\n"
	"\t\tif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != *= ]]; then\n"
	"\t\t\tcompopt +o nospace 2>/dev/null\n"
	"\t\tfi\n"
	"\telif [[ -n $command ]]; then\n"
	"\t\t_vmrun_operand \"$command\" \"$cur\"\n"
	"\telse\n"
	"\t\t_vmrun_file '' \"$cur\"\n"
	"\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$_vmrun_commands\" -- "
	"\"$cur\")\n"
	"\tfi\n"
	"}\n"
	"complete -F _vmrun vmrun\n";

static void bash_words(void)
{
	struct command command;

	printf("\n_vmrun_commands='");
	for (unsigned int i = 0; next_command(i, &command); i++)
		printf("%s%s", i ? " " : "", command.name);
	printf("'\n_vmrun_keys='");
	print_keys("", &definition_keys);
	printf("'\n");
}

/* The value of an option; fails when the word before takes none. */
static void bash_values(void)
{
	struct option_info option;
	char words[64];

	printf("\n_vmrun_value()\n{\n\tcase $1 in\n");
	for (unsigned int i = 0; options_option(i, &option); i++) {
		const char *kind = kind_of(option.argument, words);

		if (!option.argument)
			continue;
		printf("\t--%s", option.name);
		if (option.letter)
			printf(" | -%c", option.letter);
		printf(") _vmrun_%s '%s' \"$2\" ;;\n", kind, words);
	}
	printf("\t*) return 1 ;;\n\tesac\n}\n");
}

static void bash_commands(void)
{
	struct command command;
	struct option_info option;
	char words[64];

	printf("\n_vmrun_options()\n{\n\tcase $1 in\n");
	for (unsigned int i = 0; next_command(i, &command); i++) {
		printf("\t%s) echo '", command.name);
		for (unsigned int k = 0; options_option(k, &option); k++)
			if (takes(&command, &option))
				printf(" --%s%s", option.name, option.argument ? "=" : "");
		printf("' ;;\n");
	}
	printf("\tesac\n}\n\n_vmrun_operand()\n{\n\tcase $1 in\n");
	for (unsigned int i = 0; next_command(i, &command); i++) {
		const char *kind = kind_of(command.operands, words);

		printf("\t%s) _vmrun_%s '%s' \"$2\" ;;\n", command.name, kind, words);
	}
	printf("\tesac\n}\n");
}

static void print_bash(void)
{
	fputs(bash_begin, stdout);
	bash_words();
	bash_values();
	bash_commands();
	fputs(bash_end, stdout);
}

/* zsh. */

static const char zsh_begin[] =
	"#compdef vmrun\n"
	"# zsh completion for vmrun(1), as `vmrun completion zsh` writes it\n"
	"\n"
	"_vmrun_words() { compadd -- \"$@\" }\n"
	"_vmrun_nothing() { _message 'no more arguments' }\n"
	"_vmrun_file() { _files -g '*.(yaml|yml|json)' }\n"
	"_vmrun_vm() { compadd -- ${${(f)\"$(vmrun list 2>/dev/null)\"}[2,-1]%% *} }\n"
	"_vmrun_template() { compadd -- ${${(f)\"$(vmrun init 2>/dev/null)\"}%% *} }\n"
	"_vmrun_interface() { compadd -- /sys/class/net/*(N:t) }\n"
	"_vmrun_key() { compadd -S '' --";

static const char zsh_end[] =
	"\n"
	"_vmrun_first() {\n"
	"\t_describe command _vmrun_commands\n"
	"\t_vmrun_file\n"
	"}\n"
	"\n"
	"_vmrun() {\n"
	"\tlocal word command=\n"
	"\tlocal -a flags operand\n"
	"\tfor word in ${words[2,CURRENT-1]}; do\n"
	"\t\tif [[ -n ${(M)_vmrun_commands:#$word:*} ]]; then\n"
	"\t\t\tcommand=$word\n"
	"\t\t\tbreak\n"
	"\t\tfi\n"
	"\tdone\n"
	"\t_vmrun_table ${command:-run}\n"
	"\tif [[ -n $command ]]; then\n"
	"\t\t_arguments -s -S : $flags '1: : ' \"*: : $operand\"\n"
	"\telse\n"
	"\t\t_arguments -s -S : $flags '1: : _vmrun_first' \"*: : $operand\"\n"
	"\tfi\n"
	"}\n"
	"\n"
	"_vmrun \"$@\"\n";

/* An option as _arguments has it; no help in the tables has a bracket or a quote. */
static void zsh_option(const struct option_info *option)
{
	const char *equals = option->argument ? "=" : "";
	char words[64];

	if (option->letter)
		printf("\n\t\t\t'*'{-%c%s,--%s%s}'[%s]", option->letter, *equals ? "+" : "",
		       option->name, equals, option->help);
	else
		printf("\n\t\t\t'*--%s%s[%s]", option->name, equals, option->help);
	if (option->argument) {
		const char *kind = kind_of(option->argument, words);

		printf(": : _vmrun_%s%s%s", kind, words[0] ? " " : "", words);
	}
	printf("'");
}

static void print_zsh(void)
{
	struct command command;
	struct option_info option;
	char words[64];

	fputs(zsh_begin, stdout);
	print_keys("", &definition_keys);
	printf(" }\n\n_vmrun_commands=(");
	for (unsigned int i = 0; next_command(i, &command); i++)
		printf("\n\t'%s:%s'", command.name, command.help);
	printf("\n)\n\n_vmrun_table() {\n\tcase $1 in\n");
	for (unsigned int i = 0; next_command(i, &command); i++) {
		const char *kind = kind_of(command.operands, words);

		printf("\t%s)\n\t\toperand='_vmrun_%s%s%s'\n\t\tflags=(", command.name, kind,
		       words[0] ? " " : "", words);
		for (unsigned int k = 0; options_option(k, &option); k++)
			if (takes(&command, &option))
				zsh_option(&option);
		printf("\n\t\t) ;;\n");
	}
	printf("\tesac\n}\n");
	fputs(zsh_end, stdout);
}

/* fish. */

static const char fish_begin[] =
	"# fish completion for vmrun(1), as `vmrun completion fish` writes it\n"
	"\n"
	"function __vmrun_file\n"
	"\t__fish_complete_suffix .yaml | string match -r '^.*(?:/|\\.ya?ml|\\.json)(?:\\t.*)?$'\n"
	"end\n"
	"function __vmrun_vm; vmrun list 2>/dev/null | sed '1d; s/ .*//'; end\n"
	"function __vmrun_template; vmrun init 2>/dev/null | sed 's/ .*//'; end\n"
	"function __vmrun_interface; ls /sys/class/net 2>/dev/null; end\n"
	"function __vmrun_nothing; end\n"
	"function __vmrun_key; printf '%s\\n'";

/* The values of a kind, as -a has them. */
static void fish_values(const char *argument)
{
	char words[64];
	const char *kind = kind_of(argument, words);

	if (words[0])
		printf(" -a '%s'", words);
	else
		printf(" -a '(__vmrun_%s)'", kind);
}

/* Where a command's words are completed: after its name, and run's also where no name is. */
static void fish_condition(unsigned int index)
{
	struct command command;

	next_command(index, &command);
	if (index == 0)
		printf("complete -c vmrun -n 'not __fish_seen_subcommand_from $__vmrun_others'");
	else
		printf("complete -c vmrun -n '__fish_seen_subcommand_from %s'", command.name);
}

static void print_fish(void)
{
	struct command command;
	struct option_info option;

	fputs(fish_begin, stdout);
	print_keys("", &definition_keys);
	printf("; end\n\nset -g __vmrun_others");
	for (unsigned int i = 0; next_command(i, &command); i++)
		if (i != 0)
			printf(" %s", command.name);
	printf("\ncomplete -c vmrun -f\n");
	for (unsigned int i = 0; next_command(i, &command); i++) {
		printf("complete -c vmrun -n __fish_use_subcommand -a %s -d '%s'\n", command.name,
		       command.help);
		fish_condition(i);
		fish_values(command.operands);
		printf("\n");
		for (unsigned int k = 0; options_option(k, &option); k++) {
			if (!(takes(&command, &option)))
				continue;
			fish_condition(i);
			printf(" -l %s", option.name);
			if (option.letter)
				printf(" -s %c", option.letter);
			printf(" -d '%s'", option.help);
			if (option.argument) {
				printf(" -x");
				fish_values(option.argument);
			}
			printf("\n");
		}
	}
}

int command_completion(const struct options *options, struct launch *launch, struct error *err)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(options->files[0], shells[i].name) != 0)
			continue;
		shells[i].print();
		return STATUS_OK;
	}
	error_say(err, STATUS_USAGE, EINVAL, "'%s' is not one of bash, zsh and fish",
		  options->files[0]);
	return STATUS_USAGE;
}
