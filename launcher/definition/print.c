// SPDX-License-Identifier: GPL-2.0-or-later
// Prints a definition with every default.
#include "launcher/definition/print.h"

#include <errno.h>

#include "launcher/definition/keys.h"
#include "launcher/yaml/emit.h"

int definition_print(const struct definition *definition, bool json, char **text, struct error *err)
{
	switch (emit_tree(&definition_keys, definition, json, text)) {
	case 0:
		return 0;
	case -EILSEQ:
		return error_say(err, STATUS_FAILURE, EILSEQ,
				 "cannot print '%s': a path in it is not UTF-8 text",
				 definition->path);
	default:
		return error_set(err, ENOMEM, "cannot print '%s'", definition->path);
	}
}
