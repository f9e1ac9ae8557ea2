// SPDX-License-Identifier: GPL-2.0-or-later
// Who logs in to a guest, where its definition leaves that to the user who runs it.
#ifndef LAUNCHER_GUEST_LOGIN_H
#define LAUNCHER_GUEST_LOGIN_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/* A login name that scalar_user() accepts, with its NUL. */
#define IDENTITY_USER_SIZE 33

/* identity_wanted() - whether the guest is told who may log in: by cloud-init or by credentials. */
bool identity_wanted(const struct definition *definition);

/**
 * identity_take() - choose who logs in: what the definition's `cloud-init` names, and for what is
 * auto a login name after the user's own and the public keys that ssh(1) looks for in the user's
 * home.
 *
 * A user without any gets a key pair that is this VM's alone: "id_ed25519" in its data directory,
 * made once. While it is there it is authorized beside the user's own, and it is the one that
 * `vmrun ssh` uses: the guest may have been installed with it.
 * @plan: its @login is filled in; nothing is done for a guest without a login.
 * @dry_run: make nothing; show the command that would.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int identity_take(struct machine_plan *plan, bool dry_run, struct error *err);

/**
 * identity_user() - the login name of a guest's user, after one of the host's, which may have
 * letters, dots or a domain that useradd(8) of a guest refuses: "Ann.Lee@example.org" is "ann_lee".
 * @login: the host's, or NULL when the user has none.
 * @user: the guest's; "user" when nothing of @login is left.
 */
void identity_user(const char *login, char user[IDENTITY_USER_SIZE]);

/**
 * identity_reset() - remove the key pair of a VM that starts afresh.
 * @directory: the VM's data directory.
 * @sweep: how; told each file.
 */
void identity_reset(const char *directory, const struct sweep *sweep);

#endif
