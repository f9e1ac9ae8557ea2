# SPDX-License-Identifier: GPL-2.0-or-later
"""The package with a real systemd, networkd and logind, which run as PID 1 on a copy of this machine.

The copy is an overlay over the machine's files, with namespaces and a control group of its own. Its
uplink is a veth whose other end is silent.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import pytest
import yaml
from conftest import need
from guests import paused
from test_package import build

pytestmark = pytest.mark.slow

# Of a hybrid hierarchy, or a unified one.
HIERARCHIES = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]

# $1 is an empty directory, $2 a directory that the copy has as /test.
BOOT = """
set -e
mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" "$1/root" && cd "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay . && cd "$1/root"
mount -t proc proc proc && mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp
mount --bind /dev dev && mount -t sysfs -o ro sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup
rm -rf etc/systemd/system/*.wants etc/systemd/network && mkdir -p test etc/systemd/network before
mount --bind "$2" test && cp test/*.service test/*.target etc/systemd/system
cp test/all.network etc/systemd/network
pivot_root . before && umount -l before && rmdir before
ip netns add ap && ip link add wlan0 type veth peer name ap0 netns ap
ip -n ap link set ap0 up && ip link set lo up
exec env -i container=test PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /usr/lib/systemd/systemd --unit=test.target --log-target=journal --show-status=no
"""

FILES = {
    "all.network": "[Match]\nName=!lo\n[Network]\nLinkLocalAddressing=no\n"
                   "Address=192.168.77.2/24\nGateway=192.168.77.1\n",
    "test.target": "[Unit]\nRequires=basic.target test.service\n",
    "test.service": "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\n"
                    "ExecStart=/bin/bash -eux /test/script\nTimeoutStartSec=90\n"
                    "StandardOutput=file:/test/stdout\nStandardError=file:/test/stderr\n"
                    "ExecStopPost=/bin/systemctl --no-block exit 0\n",
}

SCRIPT = r"""
trap 'journalctl --quiet --output=cat --unit="vmrun@*" --unit=user@4242 >&2' EXIT
me() { setpriv --reuid=me --regid=4242 --init-groups env HOME=/home/me XDG_RUNTIME_DIR=/run/user/4242 "$@"; }
sudo_me() { SUDO_UID=4242 SUDO_GID=4242 "$@"; }
host() { sysctl -n net.ipv4.conf.wlan0.forwarding net.ipv4.neigh.wlan0.proxy_delay; ip neigh show proxy; ip route show proto 118; ip -o link | grep -o vmr- || true; }
until_failed() { until systemctl is-failed --quiet "$1"; do sleep 0.1; done; }
exec 9>/test/trace && BASH_XTRACEFD=9
useradd --uid 4242 --create-home me

systemctl start systemd-networkd systemd-logind
until ip -4 route show default | grep -q wlan0; do sleep 0.1; done
export DEBIAN_FRONTEND=noninteractive
dpkg --install --force-depends /test/*.deb >&2
echo 'allow user vmrun-web
allow user me' >>/etc/vmrun/netsetup.conf
cp /test/web.yaml /test/alone.yaml /etc/vmrun/
cp -r /test/boot / && chmod -R a+rX /boot
host >/tmp/before

# The package's script has no leave to start it (policy-rc.d).
systemctl start vmrun-netsetup.socket
systemctl start vmrun@alone
systemctl start vmrun@web
tap=$(echo /sys/class/net/vmr-web-*/ifindex)
sleep 1
sed -n 's/^ADMIN_STATE=/tap /p' /run/systemd/netif/links/$(cat $tap)
vmrun doctor | grep ' manager ' | sed 's/vmr-web-[0-9a-f]*/TAP/'
sudo_me vmrun list | sed 's/  */ /g; s/77[.][0-9]*/77.x/' | cut -d ' ' -f 1,2,3
sudo_me vmrun list --json | grep -c '"owner": "vmrun-web"'
sudo_me vmrun status web | grep '^name' | sed 's/  */ /g'
ps -o user:20= --ppid $(systemctl show --property=MainPID --value vmrun@alone) | sort -u
grep ^NoNewPrivs /proc/$(systemctl show --property=MainPID --value vmrun@alone)/status
for other in /run/vmrun-vms/web/vmrun/web /var/lib/vmrun-vms/web; do
	setpriv --reuid=vmrun-alone --regid=vmrun-alone --init-groups ls $other 2>/dev/null || echo closed
done
sudo_me vmrun log alone >/dev/null && echo log
sudo_me vmrun ssh alone 2>&1 | head -n 1
sudo_me vmrun stop --now alone 2>/dev/null && echo stopped
me vmrun list 2>&1
me vmrun log web 2>&1 || true
sudo_me vmrun console web </dev/null && echo console
host >/tmp/with
! cmp -s /tmp/before /tmp/with

# A kill of vmrun, and no restart.
mkdir -p /run/systemd/system/vmrun@.service.d
printf '[Service]\nRestart=no\n' >/run/systemd/system/vmrun@.service.d/no.conf
systemctl daemon-reload
kill -KILL $(systemctl show --property=MainPID --value vmrun@web)
until_failed vmrun@web
host >/tmp/after
cmp /tmp/before /tmp/after && echo restored

# A user's VM.
usermod -aG vmrun me
loginctl enable-linger me
mkdir -p /home/me/.config/vmrun && cp /test/web.yaml /home/me/.config/vmrun/ && chown -R me /home/me
until [ -S /run/user/4242/systemd/private ]; do sleep 0.1; done
for i in 1 2 3; do
	me systemctl --user start vmrun@web
	me systemctl --user stop vmrun@web
done
host >/tmp/after
cmp /tmp/before /tmp/after && echo restored

# A second installation, which comes first.
mkdir -p /usr/local/libexec/vmrun
cp /usr/bin/vmrun /usr/local/bin/ && cp /usr/libexec/vmrun/* /usr/local/libexec/vmrun/
chmod a+rx /usr/local/libexec/vmrun/*
me vmrun doctor | grep -A 3 ' service ' | sed -n '1s/ .*//p; /another/s/^ *//p'

journalctl --quiet --unit=user@4242 --output=cat | grep -c 'Started vmrun@web\|Started.*irtual machine web'
journalctl --quiet --output=cat | grep 'remains running\|kill control group' || echo quiet
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group for the copy's systemd; where there is none, the test is skipped."""
    need("root", "dpkg-shlibdeps", "cpack", "ninja", "unshare", "dbus-daemon", "networkctl")
    top = next((each for each in map(Path, HIERARCHIES) if (each / "cgroup.procs").exists()), None)
    if not top:
        pytest.skip("needs a cgroup2 hierarchy")
    made = top / f"vmrun-test-{os.getpid()}"
    made.mkdir()
    yield made
    for each in sorted((each for each in made.rglob("*") if each.is_dir()), reverse=True):
        each.rmdir()
    made.rmdir()
OTHER = "this is /usr/local/bin/vmrun; another vmrun is /usr/bin/vmrun: remove one of the two"


def definition(directory: Path) -> dict:
    """A VM whose files are in the copy's /boot."""
    made = paused("web", **{"shutdown-timeout": "1s"})
    (directory / "boot").mkdir()
    for key in ("kernel", "initrd"):
        shutil.copy(made["boot"][key], directory / "boot" / key)
        made["boot"][key] = f"/boot/{key}"
    return made


def test_services(group: Path) -> None:
    """networkd leaves the first tap alone; the system's VM is seen by sudo, and named to others;
    nothing is left after SIGKILL; and a user's manager finds no process after a stop."""
    with tempfile.TemporaryDirectory(prefix="vmrun-test-") as name:
        directory = Path(name)
        (directory / "overlay").mkdir()
        test = directory / "test"
        test.mkdir()
        shutil.copy(build("deb", directory / "build"), test)
        for file, text in FILES.items():
            (test / file).write_text(text)
        (test / "script").write_text(SCRIPT)
        web = definition(test)
        (test / "web.yaml").write_text(yaml.safe_dump(web))
        (test / "alone.yaml").write_text(yaml.safe_dump(web | {"network": "none"}))
        with open(test / "boot.log", "w") as log:
            subprocess.run(["bash", "-c", 'echo $BASHPID >"$1/cgroup.procs"; shift; exec "$@"', "-",
                            group, "unshare", "--mount", "--propagation=private", "--net", "--pid",
                            "--ipc", "--uts", "--cgroup", "--fork", "--kill-child", "bash", "-c",
                            BOOT, "-", directory / "overlay", test],
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120,
                           check=False)
        said = [(test / each).read_text() if (test / each).exists() else ""
                for each in ("stdout", "trace", "stderr", "boot.log")]
    assert said[0].splitlines() == [
        "tap unmanaged",
        "ok    manager    systemd-networkd leaves TAP alone",
        "NAME OWNER ADDRESS", "alone vmrun-alone -", "web vmrun-web 192.168.77.x", "1", "name web",
        "vmrun-alone", "NoNewPrivs:\t1", "closed", "closed",
        "log", "vmrun: VM 'alone' has no address", "stopped",
        "vmrun: no VM is running", "vmrun: VMs of the system: web; see 'sudo vmrun list'",
        "vmrun: VM 'web' has no log", "the system has a VM of this name: sudo vmrun log web",
        "console",
        "restored", "restored", "warn", OTHER, "3", "quiet"], "\n".join(each[-3000:] for each in said)
