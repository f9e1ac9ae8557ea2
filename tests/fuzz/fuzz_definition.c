// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a definition; one that is good says, printed and read again, the same.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/load.h"
#include "launcher/definition/print.h"
#include "tests/fuzz/fuzz.h"

#define NAME "fuzz.yaml"

static char *print(const struct definition *definition, bool json)
{
	struct error err;
	char *text = NULL;

	must(print_definition(definition, json, &text, &err) == 0);
	return text;
}

static void check_again(const struct definition *definition, bool json)
{
	char *text = print(definition, json), *report = NULL, *again;
	struct definition read;

	if (load_definition_memory(NAME, text, strlen(text), NULL, 0, &read, &report) < 0) {
		fprintf(stderr, "%s\n%s\n", text, report);
		abort();
	}
	again = print(&read, json);
	must(!strcmp(text, again));
	definition_done(&read);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct definition definition;
	char *report = NULL;

	if (load_definition_memory(NAME, data, size, NULL, 0, &definition, &report) < 0) {
		must(report && report[0]);
		free(report);
		return 0;
	}
	free(report);
	must(vm_name_valid(definition.name));
	check_again(&definition, false);
	check_again(&definition, true);
	definition_done(&definition);
	return 0;
}
