# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks rights: vmrun and QEMU have the user's, the service has two capabilities."""

import json
import os
import pwd
import re
import resource
import shutil
import signal
from pathlib import Path
from typing import Iterator

import pytest

import process
import vm as vm_module
from caller import Service
from conftest import need
from guests import boot, paused, refused, tiny
from lab import Lab
from vm import Account, Vm

pytestmark = pytest.mark.usefixtures("vmrun")

NET_ADMIN_AND_RAW = f"{1 << 12 | 1 << 13:016x}"
NONE = f"{0:016x}"
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def private(lab: Lab, definition: dict, owner: Account, mode: int = 0o600) -> Path:
    """The definition as a file that @owner alone can read."""
    path = vm_module.write_definition(lab.directory, definition)
    path.chmod(mode)
    shutil.chown(path, owner.uid, owner.gid)
    return path


def is_users(each: process.Process, user: Account) -> None:
    """All ids and groups are the user's, nothing of root's is left or can come back."""
    status = each.status
    assert status["Uid"].split() == [str(user.uid)] * 4
    assert status["Gid"].split() == [str(user.gid)] * 4
    assert status["Groups"].split() == [str(user.gid), "4343"]
    assert {name: status[name] for name in CAPABILITIES} == dict.fromkeys(CAPABILITIES, NONE)
    assert status["NoNewPrivs"] == "1"


def is_confined(each: process.Process, rights: str) -> None:
    """A process of the service: root's ids, so that no user may signal it, and no more of root's
    rights than @rights."""
    status = each.status
    assert status["Uid"].split() == status["Gid"].split() == ["0"] * 4 and status["Groups"] == ""
    assert status["CapPrm"] == status["CapEff"] == rights
    assert status["CapInh"] == status["CapAmb"] == NONE
    assert status["CapBnd"] in (NONE, NET_ADMIN_AND_RAW)
    assert status["NoNewPrivs"] == "1"
    if not sanitized() and each.cmdline[1:] not in ([], ["--listen"]):
        assert status["Seccomp"] == "2"


def taps(each: process.Process) -> list[str]:
    """The names of the taps of which the process has a descriptor."""
    found = [Path(f"/proc/{each.pid}/fdinfo/{fd}").read_text()
             for fd, kind in each.descriptors.items() if kind == "/dev/net/tun"]
    return [re.search(r"^iff:\s*(\S+)$", info, re.MULTILINE)[1] for info in found]


def service_is_confined(vm: Vm) -> list[process.Process]:
    """Only the supervisor and the maker have rights; all processes of the service."""
    rights = {(): NET_ADMIN_AND_RAW, ("--listen",): NET_ADMIN_AND_RAW,
              ("--maker",): NET_ADMIN_AND_RAW}
    found = vm.services()
    assert len(found) == 4
    for each in found:
        is_confined(each, rights.get(tuple(each.cmdline[1:]), NONE))
    return found


def sanitized() -> bool:
    """True if the helper is built with the sanitizers, and so without its filters."""
    return b"__asan_init" in (vm_module.binary().parent / "vmrun-netsetup").read_bytes()


def kinds(each: process.Process) -> list[str]:
    """Its descriptors, without the numbers of pipes and sockets."""
    return sorted(re.sub(r":\[\d+\]$", "", what) for what in each.descriptors.values())


def test_run_under_a_user_by_sudo(lab: Lab) -> None:
    me = lab.add_user()
    vm, _ = boot(lab, private(lab, tiny(), me), user=me, sudo=True)
    vmrun, qemu = process.get(vm.pid), vm.qemu

    is_users(vmrun, me)
    assert kinds(vmrun).count("/dev/net/tun") <= 1

    is_users(qemu, me)
    assert qemu.status["Seccomp"] == "2"
    for task in Path(f"/proc/{qemu.pid}/task").iterdir():
        assert "\nSeccomp:\t2\n" in (task / "status").read_text(), "in each thread"
    descriptors = qemu.descriptors
    assert [descriptors[n].partition(":")[0] for n in (0, 1, 2, 3)] == ["pipe"] * 3 + ["socket"]
    assert descriptors[6] == "/dev/net/tun"
    allowed = {"pipe", "socket", "/dev/net/tun", "anon_inode:[eventfd]", "anon_inode:[eventpoll]",
               "anon_inode:[signalfd]", "anon_inode:[io_uring]", "/dev/urandom", "/dev/random"}
    assert set(kinds(qemu)) <= allowed
    assert kinds(qemu).count("socket") == 2, "QMP, and where it listens for the agent's"
    assert kinds(qemu).count("/dev/net/tun") == 1

    for each in service_is_confined(vm):
        assert Path(f"/proc/{each.pid}/environ").read_bytes() in (b"",) or each.cmdline[1:2] == [
            "--service"], "which has what its keeper says"
        assert [each.descriptors[n] for n in (0, 1)] == ["/dev/null"] * 2
        assert all(name.startswith("vmr-gate_") for name in taps(each)), "the tap is the VM's alone"

    # Its files belong to the user.
    for path in (f"run/user/{me.uid}/vmrun/tiny/lock", f"home-{me.uid}"):
        assert (lab.directory / path).stat().st_uid == me.uid
    assert vm.stop() == 0


def test_killed_under_a_user(lab: Lab) -> None:
    """The change of ids has not cost QEMU its parent-death signal."""
    me = lab.add_user()
    vm = lab.start_vm(tiny(), ["--verbose"], user=me, sudo=True)
    vm.wait_stderr("starting -> running")
    family = [vm.qemu, *vm.services()]
    vm.signal(9)
    vm.wait()
    assert all(each.wait_gone(3) for each in family)


def test_definition_is_opened_by_the_user(lab: Lab) -> None:
    """Root's file is as closed to `sudo vmrun` as it is to the user."""
    me = lab.add_user()
    secret = private(lab, paused(), Account("root", 0, 0))
    status, said = refused(lab, secret, user=me, sudo=True)
    assert status == 3 and f"{secret}: Permission denied" in said
    assert "tiny.shell" not in said
    checked = lab.vmrun("check", str(secret), user=me, sudo=True)
    assert checked.returncode == 3 and "Permission denied" in checked.stderr


def test_key_file_is_opened_by_the_user(lab: Lab) -> None:
    me = lab.add_user()
    secret = lab.directory / "secret.pub"
    secret.write_text("ssh-ed25519 AAAA secret\n")
    secret.chmod(0o600)
    status, said = refused(lab, paused(**{"cloud-init": {"ssh-keys": [str(secret)]}}),
                           user=me, sudo=True)
    assert status == 3 and f"'{secret}': Permission denied" in said and "AAAA" not in said


def test_without_privilege(lab: Lab) -> None:
    me = lab.add_user()
    vm = lab.start_vm(paused(), wait=False, user=me)
    assert vm.wait(10) == 4
    assert vm.stderr.lines == [
        "vmrun: cannot change the network: no service listens at '/run/vmrun/netsetup.sock', and "
        "you are not root",
        f"run it as root, vmrun drops root's rights at once: sudo vmrun {vm.file}"]


def test_without_lan_no_privilege_is_needed(lab: Lab) -> None:
    me = lab.add_user()
    vm = lab.start_vm(tiny(network="none"), wait=False, user=me)
    vm.wait_console("no network interface")
    vm.wait_console("^tiny:")
    vm.send("poweroff\n")
    assert vm.wait() == 0


@pytest.fixture
def installed(lab: Lab) -> Iterator[Service]:
    """A service for the group `also`, where systemd would listen for it."""
    lab.add_user()
    lab.set_policy("allow group also\n")
    with Service(lab) as service:
        service.install()
        yield service


def test_service_for_a_group(lab: Lab, installed: Service) -> None:
    """Then nobody in it needs sudo, and nobody else can."""
    me = lab.add_user()
    vm, _ = boot(lab, tiny(), user=me)
    is_not_root(vm, me)
    service_is_confined(vm)
    assert vm.stop() == 0

    status, said = refused(lab, paused(), user="games")
    assert status == 4 and re.match("vmrun: cannot connect to '/run/vmrun/net-.*/netsetup.sock'", said)
    games = pwd.getpwnam("games").pw_uid
    assert said.endswith("it is for members of group 'also': sudo usermod -aG also $USER, then log "
                         "in again\nfor 'systemctl --user' also: sudo systemctl restart "
                         f"user@{games}\n")


def test_login_older_than_the_membership(lab: Lab, installed: Service) -> None:
    """usermod is done, and the remedy is to log in again, for services as well."""
    me = lab.add_user()
    file = vm_module.write_definition(lab.directory, paused())
    argv, env = vm_module.vmrun_argv(lab.directory, ["run", file], user=me)
    assert argv[3] == "--init-groups"
    argv[3] = "--clear-groups"
    done = lab.run(argv, check=False, env=os.environ | lab.laptop.netns.env | env)
    assert done.returncode == 4
    assert ("\nthis login is older than its membership in group 'also': log in again\n"
            "for 'systemctl --user' also: sudo systemctl restart user@4242\n") in done.stderr


def test_service_without_a_policy(lab: Lab) -> None:
    """The remedy is the missing line of the policy, not sudo."""
    me = lab.add_user()
    with Service(lab) as service:
        service.install()
        status, said = refused(lab, paused(), user=me)
    assert status == 4
    assert said == ("vmrun: user 'me' is not permitted to put a VM on the LAN: there is no "
                    "'/etc/vmrun/netsetup.conf'\n"
                    "to permit it, add this line to '/etc/vmrun/netsetup.conf', as root:\n"
                    "allow user me\n")


# Sets all that lasts over sudo, and becomes vmrun.
BADLY = """#!/usr/bin/python3 -I
import os, resource, signal, sys
os.nice(19)
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.sched_setaffinity(0, [0])
open("/proc/self/oom_score_adj", "w").write("900")
for name, value in {limits}.items():
    kind = getattr(resource, "RLIMIT_" + name)
    # Where root cannot raise it again, as in some containers, the hard limit stays.
    resource.setrlimit(kind, (value, value if {resource} else resource.getrlimit(kind)[1]))
for number in signal.valid_signals() - {{signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGALRM])
os.umask(0)
os.environ["NLDBG"] = "9"
os.execv("{vmrun}", ["{vmrun}", *sys.argv[1:]])
"""
BAD_LIMITS = {"CPU": 3600, "FSIZE": 1 << 32, "NOFILE": 300, "NPROC": 2000}


def may_raise_limits() -> bool:
    """True if this process has CAP_SYS_RESOURCE."""
    return bool(int(process.get(os.getpid()).status["CapEff"], 16) >> 24 & 1)


def test_what_lasts_over_sudo(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service, which others' VMs may join, inherits nothing of what its first user has set."""
    me = lab.add_user()
    wrapper = lab.directory / "vmrun"
    wrapper.write_text(BADLY.format(limits=BAD_LIMITS, vmrun=vm_module.binary(),
                                    resource=may_raise_limits()))
    wrapper.chmod(0o755)
    monkeypatch.setenv("VMRUN", str(wrapper))
    vm = lab.start_vm(paused(), user=me, sudo=True)
    assert os.sched_getscheduler(vm.pid) == os.SCHED_IDLE, "the user's own process has it"
    services = vm.services()
    assert len(services) == 4
    for each in services:
        proc = Path(f"/proc/{each.pid}")
        assert os.sched_getscheduler(each.pid) == os.SCHED_OTHER
        assert os.getpriority(os.PRIO_PROCESS, each.pid) == 0
        assert os.sched_getaffinity(each.pid) == os.sched_getaffinity(0)
        assert int((proc / "oom_score_adj").read_text()) == 0
        for name, value in BAD_LIMITS.items():
            limit = resource.prlimit(each.pid, getattr(resource, f"RLIMIT_{name}"))[0]
            assert limit == resource.RLIM_INFINITY or limit > value, (each.cmdline, name)
        status = each.status
        ignored = int(status["SigIgn"], 16)
        assert not ignored & ~(1 << signal.SIGPIPE - 1), status["SigIgn"]
        assert status["Umask"] == "0077"
        assert b"NLDBG" not in (proc / "environ").read_bytes()
    assert vm.quit() == 131


def is_not_root(vm: Vm, user: Account) -> None:
    """vmrun and QEMU have the user's ids and no capability."""
    for each in (process.get(vm.pid), vm.qemu):
        assert each.status["Uid"].split() == [str(user.uid)] * 4
        assert each.status["CapEff"] == each.status["CapPrm"] == NONE


@pytest.mark.parametrize("program", ["vmrun", "vmrun-netsetup"])
def test_must_not_be_set_uid(lab: Lab, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    me = lab.add_user()
    directory = lab.directory / "bin"
    directory.mkdir()
    for name in ("vmrun", "vmrun-netsetup"):
        shutil.copy(vm_module.binary().parent / name, directory / name)
    monkeypatch.setenv("VMRUN", str(directory / "vmrun"))
    (directory / program).chmod(0o4755)
    status, said = refused(lab, paused(), user=me)
    assert status == 4
    assert "vmrun: vmrun must not be set-uid or set-gid" in said or program != "vmrun"


def test_sudo_itself(lab: Lab) -> None:
    """By sudo(8), with an environment that it has cleaned: no XDG_*, nothing of the lab's."""
    need("sudo")
    me = lab.add_user()
    lab.laptop.netns.write_etc("sudoers", f"{me.name} ALL=(root) NOPASSWD: ALL\n")
    (lab.laptop.netns.etc / "sudoers").chmod(0o440)
    vm, _ = boot(lab, private(lab, tiny(), me), user=me, sudo="program")
    is_users(vm.child("vmrun"), me)
    is_users(vm.qemu, me)
    assert (lab.run_dir / "user" / str(me.uid) / "vmrun" / "tiny" / "lock").exists()
    assert vm.stop() == 0
    addresses = lab.directory / f"home-{me.uid}" / ".local/state/vmrun/tiny/addresses"
    assert addresses.read_text().startswith(f"{vm.address} ")
    assert addresses.stat().st_uid == me.uid


def test_doas_itself(lab: Lab) -> None:
    """By doas(1); with its keepenv, a variable of sudo's that the user has set is refused."""
    need("doas")
    me = lab.add_user()
    conf = lab.set_policy("").parent.parent / "doas.conf"
    conf.write_text(f"permit nopass keepenv {me.name} as root\n")
    conf.chmod(0o400)
    file = private(lab, tiny(), me)
    status, said = refused(lab, file, user=me, sudo="doas",
                           env={"SUDO_UID": "0", "SUDO_GID": "0"})
    assert status == 4 and said.startswith("vmrun: both SUDO_UID and DOAS_USER are set\n")

    vm, _ = boot(lab, file, user=me, sudo="doas")
    is_users(vm.child("vmrun"), me)
    is_users(vm.qemu, me)
    lab.vmrun("stop", "tiny", user=me, check=True)
    assert vm.wait() == 0


@pytest.mark.parametrize("variables", [{"DOAS_USER": "me"}, {"PKEXEC_UID": "4242"}],
                         ids=["doas", "pkexec"])
def test_callers_by_environment(lab: Lab, variables: dict) -> None:
    """As doas(1) and pkexec(1) start it: the definition is opened by the user who called."""
    me = lab.add_user()
    assert (me.name, me.uid) == ("me", 4242)
    secret = private(lab, paused(), Account("root", 0, 0))
    status, said = refused(lab, secret, env=variables)
    assert status == 3 and f"{secret}: Permission denied" in said


def test_root_itself_without_the_package(lab: Lab) -> None:
    """Root's QEMU is refused, also if root called sudo; each of the remedies is named."""
    for sudo, env in (("plain", {}), ("plain", {"SUDO_UID": "0", "SUDO_GID": "0"})):
        status, said = refused(lab, paused(), sudo=sudo, env=env)
        assert status == 4
        assert said.splitlines() == [
            "vmrun: cannot run QEMU as root",
            "log in as a user and call 'sudo vmrun', which becomes this user",
            "or install vmrun's package, which has the user 'vmrun' for this",
            "or let it run as root nevertheless: vmrun run --as-root FILE"]


def test_root_itself_with_the_package(lab: Lab) -> None:
    """Root becomes the user vmrun, whose home and runtime directory are made."""
    substitute = lab.add_user("vmrun")
    (lab.directory / f"home-{substitute.uid}").rmdir()
    vm = lab.start_vm(paused(), sudo="plain")
    assert vm.stderr.text.startswith("vmrun: called by root: becoming the user 'vmrun'\n")
    is_users(process.get(vm.pid), substitute)
    is_users(vm.qemu, substitute)
    for path in (lab.directory / f"home-{substitute.uid}", lab.run_dir / "vmrun-root"):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (substitute.uid, 0o700)
    assert (lab.run_dir / "vmrun-root" / "vmrun" / "tiny" / "lock").exists()
    listed = json.loads(lab.vmrun("list", "--json", check=True).stdout)
    assert [(each["name"], each["owner"]) for each in listed] == [("tiny", "vmrun")]
    lab.vmrun("status", "tiny", check=True)
    lab.vmrun("stop", "--now", "tiny", check=True)
    vm.wait()


def test_root_itself_as_root(lab: Lab) -> None:
    lab.add_user("vmrun")
    vm = lab.start_vm(paused(), ["--as-root"], sudo="plain")
    assert vm.qemu.status["Uid"].split() == ["0"] * 4
    vm.quit()
