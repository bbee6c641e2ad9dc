"""Writes a bed's folder: what its hosts find in /etc, its keys, its homes, its settings."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from glidein import process
from tests.beds.slurm import slurmconf
from tests.beds.slurm.roots import Root

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent.parent
USERS = {"alice": 5001, "bob": 5002, "condor": 5009}
DOMAIN = "bed.pool"
FOLDERS = ("bin", "tree", "slurm", "condor", "state", "logs", "up", "home", "far-home", "scratch")

_ADDRESSES = """\
127.0.0.1 localhost
10.78.0.1 world
10.78.0.10 cm.bed.pool cm
10.78.0.11 ap.bed.pool ap
10.78.0.20 login-wan
10.78.0.30 gw
10.77.0.2 login
10.77.0.3 head
"""

_CGROUP = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainCores=no
ConstrainRAMSpace={memory}
AllowedRAMSpace=100
"""

_DBD = """\
AuthType=auth/munge
DbdHost=head
SlurmUser=slurm
PidFile=/run/slurmdbd.pid
LogFile={logs}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct_db
"""

_SSHD = """\
HostKey /etc/ssh/bed_host_key
PidFile /run/sshd.pid
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
PrintMotd no
UseDNS no
Subsystem sftp internal-sftp
"""

_CONDOR = """\
RELEASE_DIR = {runtime}
LOCAL_DIR = {bed}/state/$(HERE)
SBIN = $(RELEASE_DIR)/sbin
BIN = $(RELEASE_DIR)/bin
LIB = $(RELEASE_DIR)/lib
LIBEXEC = {libexec}
LOG = $(LOCAL_DIR)/log
SPOOL = $(LOCAL_DIR)/spool
LOCK = $(LOCAL_DIR)/lock
RUN = $(LOCAL_DIR)/run
EXECUTE = $(LOCAL_DIR)/execute
CONDOR_HOST = cm.bed.pool
COLLECTOR_HOST = cm.bed.pool:9618
CONDOR_IDS = 5009.5009
USE_SHARED_PORT = True
UID_DOMAIN = bed.pool
TRUST_DOMAIN = bed.pool
NETWORK_HOSTNAME = $(HERE).bed.pool
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_TOKEN_SYSTEM_DIRECTORY = $(LOCAL_DIR)/tokens.d
SEC_PASSWORD_DIRECTORY = /etc/condor/passwords.d
SEC_TOKEN_POOL_SIGNING_KEY_FILE = /etc/condor/passwords.d/POOL
ALLOW_READ = *
ALLOW_WRITE = *@bed.pool, condor@password, execute-side@matchsession
ALLOW_DAEMON = *@bed.pool, condor@password
ALLOW_NEGOTIATOR = condor@bed.pool, condor@password
ALLOW_ADMINISTRATOR = root@bed.pool, condor@bed.pool, condor@password
ALLOW_ADVERTISE_STARTD = *@bed.pool
ALLOW_ADVERTISE_MASTER = *@bed.pool, condor@password
ALLOW_ADVERTISE_SCHEDD = *@bed.pool, condor@password
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_MIN_INTERVAL = 1
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
RUNBENCHMARKS = False
DAEMON_LIST = MASTER
LOCAL_CONFIG_FILE = /etc/condor/condor_config.local
REQUIRE_LOCAL_CONFIG_FILE = False
"""


def write(bed: Path, root: Root, runtime: Path, accounting: bool) -> None:
    """Fill the bed's folder, which must be empty and open to all."""
    for name in FOLDERS:
        (bed / name).mkdir()
    (bed / "scratch").chmod(0o1777)
    for script in HERE.glob("*.sh"):
        shutil.copy(script, bed / "bin")
    shutil.copy(HERE / "relay.py", bed / "bin")
    shutil.copy(HERE / "gateway.nft", bed)
    tree = bed / "tree/etc"
    for name in ("munge", "ssh", "condor"):
        (tree / name).mkdir(parents=True)
    _people(bed, root, tree)
    names = "".join(f"10.77.0.1{host[1:]} {host}\n" for host in slurmconf.HOSTS)
    (tree / "hosts").write_text(_ADDRESSES + names)
    (tree / "nsswitch.conf").write_text(
        "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"
    )
    _slurm(bed, tree)
    _condor(bed, tree, runtime)
    binds = _glidein(bed, root)
    settings = {"ROOT": root.path, "ACCOUNTING": "yes" if accounting else "no", "BINDS": binds}
    lines = [f"{key}='{value}'\n" for key, value in settings.items()]
    (bed / "settings").write_text("".join(lines))
    controllers = _cgroups(bed)
    (bed / "controllers").write_text("".join(f"{path}\n" for path in controllers))
    wanted = "yes" if any(path.parent.name == "memory" for path in controllers) else "no"
    (bed / "slurm/cgroup.conf").write_text(_CGROUP.format(memory=wanted))


def _cgroups(bed: Path) -> list[Path]:
    """Make the bed's own cgroups and return them.

    Slurm needs the freezer of version 1, to find a job's processes. Where the machine has only
    version 2, it is mounted for the bed, and jobs have no limit of memory.
    """
    known = [Path("/sys/fs/cgroup", name) for name in ("freezer", "memory")]
    found = [path for path in known if (path / "cgroup.procs").exists()]
    if not found:
        found = [bed / "cgroups/freezer"]
        found[0].mkdir(parents=True)
        argv = ["mount", "-t", "cgroup", "-o", "freezer", "none", str(found[0])]
        process.run(argv, timeout=10)
    folders = [path / bed.name for path in found]
    for folder in folders:
        folder.mkdir()
    return folders


def _people(bed: Path, root: Root, tree: Path) -> None:
    for name in ("passwd", "group", "shadow"):
        lines = (root.path / "etc" / name).read_text().splitlines()
        kept = [line for line in lines if line.partition(":")[0] not in USERS]
        for user, uid in USERS.items():
            made = {
                "passwd": f"{user}:x:{uid}:{uid}::/home/{user}:/bin/bash",
                "group": f"{user}:x:{uid}:",
                "shadow": f"{user}:*:19000:0:99999:7:::",
            }
            kept.append(made[name])
        (tree / name).write_text("".join(f"{line}\n" for line in kept))
    (tree / "shadow").chmod(0o600)
    for homes in ("home", "far-home"):
        for user in ("alice", "bob"):
            home = bed / homes / user
            home.mkdir(mode=0o711)
            os.chown(home, USERS[user], USERS[user])


def _uid(tree: Path, name: str) -> int:
    lines = [line.split(":") for line in (tree / "passwd").read_text().splitlines()]
    return next(int(line[2]) for line in lines if line[0] == name)


def _slurm(bed: Path, tree: Path) -> None:
    (tree / "slurm").symlink_to(bed / "slurm")
    key = tree / "munge/munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    (tree / "munge").chmod(0o700)
    for path in (tree / "munge", key):
        os.chown(path, _uid(tree, "munge"), -1)
    dbd = bed / "slurm/slurmdbd.conf"
    dbd.write_text(_DBD.format(logs=bed / "logs"))
    dbd.chmod(0o600)
    os.chown(dbd, _uid(tree, "slurm"), -1)
    for made in ("logs", "state"):  # Slurm's daemons write here as their own user
        (bed / made).chmod(0o1777)
    (tree / "ssh/sshd_config_bed").write_text(_SSHD)
    for path in (tree / "ssh/bed_host_key", bed / "key"):
        keygen: list[str | Path] = [
            "ssh-keygen",
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-C",
            "bed",
            "-f",
            path,
        ]
        process.run(keygen, timeout=20)
    for user in ("alice", "bob"):
        folder = bed / "home" / user / ".ssh"
        folder.mkdir(mode=0o700)
        shutil.copy(bed / "key.pub", folder / "authorized_keys")
        for path in (folder, folder / "authorized_keys"):
            os.chown(path, USERS[user], USERS[user])


def _condor(bed: Path, tree: Path, runtime: Path) -> None:
    libexec = next(p.parent for p in sorted(runtime.glob("libexec/**/condor_shared_port")))
    text = _CONDOR.format(runtime=runtime, bed=bed, libexec=libexec)
    (tree / "condor/condor_config").write_text(text)
    roles = {"cm": "MASTER, COLLECTOR, NEGOTIATOR", "ap": "MASTER, SHARED_PORT, SCHEDD"}
    for host, daemons in roles.items():
        address = {"cm": "10.78.0.10", "ap": "10.78.0.11"}[host]
        lines = f"HERE = {host}\nDAEMON_LIST = {daemons}\nNETWORK_INTERFACE = {address}\n"
        (bed / "condor" / f"{host}.config").write_text(lines)
    key = bed / "condor/POOL"
    key.write_bytes(os.urandom(64))
    key.chmod(0o600)


def _glidein(bed: Path, root: Root) -> str:
    """Make `glidein` a command of every host; return what has to be bound into them for it.

    A Python below root's home cannot be run by others, so it is bound where they can reach it.
    """
    binds = {CHECKOUT: "/opt/glidein/checkout", sysconfig.get_path("purelib"): "/opt/glidein/site"}
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if sys.base_prefix != "/usr":
        binds[sys.base_prefix] = "/opt/glidein/python"
        program = f"/opt/glidein/python/bin/python{python}"
        if list(Path(sys.base_prefix, "lib").glob("libpython*.so*")):
            program = f"LD_LIBRARY_PATH=/opt/glidein/python/lib {program}"
    else:
        program = f"/usr/bin/python{python}"
        if root.path != Path("/"):
            (bed / "tree/usr/bin").mkdir(parents=True)
            shutil.copy(program, bed / "tree/usr/bin")
            binds[f"/usr/lib/python{python}"] = f"/usr/lib/python{python}"
    local = bed / "tree/usr/local/bin"
    local.mkdir(parents=True)
    for name, module in (("glidein", "glidein"), ("annex", "annex.cli.annex")):
        wrapper = local / name
        wrapper.write_text(
            "#!/bin/sh\nexec env PYTHONPATH=/opt/glidein/checkout:/opt/glidein/site"
            f' PYTHONDONTWRITEBYTECODE=1 {program} -m {module} "$@"\n'
        )
        wrapper.chmod(0o755)
    return " ".join(f"{source}:{target}" for source, target in binds.items())
