# SPDX-License-Identifier: GPL-2.0-or-later
"""The network service under a real systemd: a client starts it, and no restart interrupts a VM."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from test_package import build
from test_systemd import BOOT, FILES, definition, group

pytestmark = pytest.mark.slow
__all__ = ["group", "test_restart"]

SCRIPT = r"""
trap 'journalctl --quiet --output=cat --unit="vmrun-netsetup*" | tail -n 100 >&2' EXIT
exec 9>/test/trace && BASH_XTRACEFD=9
unit=vmrun-netsetup.service
me() { setpriv --reuid=me --regid=4242 --init-groups env HOME=/home/me XDG_RUNTIME_DIR=/run/user/4242 "$@"; }
get() { systemctl show --property="$1" --value $unit; }
host() { ip -o route show proto 118; ip -o neigh show proxy; sysctl -n net.ipv4.conf.wlan0.forwarding net.ipv4.neigh.wlan0.proxy_delay; }
within() { for i in $(seq $(($1 * 20))); do if eval "$2" >/dev/null 2>&1; then return 0; fi; sleep 0.05; done; echo "not within $1 s: $2"; }
same() {
	within 2 '[ "$(get NFileDescriptorStore)" = 2 ]'
	within 1 'host | cmp -s /tmp/with'
	[ "$(cat /sys/class/net/vmr-web*/ifindex)" = "$tap" ] && kill -0 $vm && echo "$1: the same"
}
useradd --uid 4242 --create-home me
mkdir -p /run/user/4242 && chown me /run/user/4242
systemctl start systemd-networkd
until ip -4 route show default | grep -q wlan0; do sleep 0.1; done
host >/tmp/before
# A container's image forbids packages to start services.
rm -f /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
dpkg --install --force-depends /test/*.deb >&2
stat -c '%A %U:%G' /run/vmrun/netsetup.sock
systemctl is-active vmrun-netsetup.socket $unit
echo 'allow user me' >>/etc/vmrun/netsetup.conf
cp -r /test/boot / && chmod -R a+rX /boot
cp /test/web.yaml /home/me/web.yaml && chmod a+r /home/me/web.yaml

me vmrun run --detach --set=console=socket /home/me/web.yaml 2>&1 | sed -n '1s/.*: //p'
usermod -aG vmrun me
me vmrun run --detach --set=console=socket /home/me/web.yaml >&2
vm=$(me vmrun status --json web | sed -n 's/.*"pid": \([0-9]*\).*/\1/p' | head -n 1)
tap=$(cat /sys/class/net/vmr-web*/ifindex)
grep -e ^CapEff -e ^CapBnd -e ^NoNewPrivs -e '^Seccomp:' /proc/$(get MainPID)/status | tr '\n' ' '; echo
host >/tmp/with
systemctl restart $unit
same restart
before=$(get MainPID)
dpkg --install --force-depends /test/*.deb >&2
[ "$(get MainPID)" != "$before" ] && same upgrade
for i in 1 2 3; do
	systemctl kill --signal=KILL $unit
	ip neigh flush proxy dev wlan0
	within 1 'host | cmp -s /tmp/with'
done
same kill

# The service stops, and a client brings it back.
systemctl stop $unit 2>/dev/null
same stop

# The client dies while no service runs.
systemctl kill --signal=KILL --kill-whom=main $unit
kill -KILL $(pgrep -u me qemu-system) $vm
within 3 'host | cmp -s /tmp/before' && echo undone
within 10 '! systemctl is-active $unit' && echo idle
find /run/vmrun -mindepth 1
me vmrun run --detach --set=console=socket /home/me/web.yaml >&2
dpkg --remove vmrun >&2
within 1 'host | cmp -s /tmp/before' && echo removed
find /run/vmrun -mindepth 1
"""


def test_restart(group: Path) -> None:
    """Restart, upgrade and SIGKILL of the service leave a VM where it is; a client's end that no
    service has seen is undone by the next one; and nothing is left after the package's removal."""
    with tempfile.TemporaryDirectory(prefix="vmrun-test-") as name:
        directory = Path(name)
        (directory / "overlay").mkdir()
        test = directory / "test"
        test.mkdir()
        shutil.copy(build("deb", directory / "build"), test)
        for file, text in FILES.items():
            (test / file).write_text(text)
        (test / "script").write_text(SCRIPT)
        (test / "web.yaml").write_text(yaml.safe_dump(definition(test)))
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
        "srw-rw---- root:vmrun", "active", "inactive", "Permission denied",
        "CapEff:\t0000000000000000 CapBnd:\t0000000000003000 NoNewPrivs:\t1 Seccomp:\t2 ",
        "restart: the same", "upgrade: the same", "kill: the same", "stop: the same",
        "undone", "idle", "/run/vmrun/netsetup.sock", "removed",
    ], "\n".join(each[-3000:] for each in said)
