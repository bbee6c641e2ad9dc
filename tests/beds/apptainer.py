"""A real apptainer for tests, made of Debian sid's packages; nothing of the system is touched.

Debian 12 has none. Its programs are made to run from a folder as a runtime's are; what else it
needs it finds beside its own place. Nothing is setuid: it runs by user namespaces alone, and where
FUSE is closed to ordinary users it unpacks an image before it runs it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from glidein import process
from glidein.runtime import assemble, debian, relocate
from tests.beds import sources

OS_RELEASE = 'ID=glidein-image\nNAME="Image of a test"\n'
_FOLDER = "usr/lib/x86_64-linux-gnu"
_PROGRAMS = {
    "bin/apptainer": "usr/bin/apptainer",
    "bin/unsquashfs": "usr/bin/unsquashfs",
    "bin/mksquashfs": "usr/bin/mksquashfs",
    "libexec/apptainer/bin/starter": f"{_FOLDER}/apptainer/bin/starter",
}
_APPLETS = ("sh", "cat", "echo", "ls", "sleep", "true", "id", "env", "touch", "grep")


@dataclass(frozen=True, slots=True)
class Apptainer:
    """apptainer in a folder that every user can enter."""

    home: Path

    @property
    def program(self) -> Path:
        return self.home / "bin" / "apptainer"

    def run(self, *args: str | Path, home: Path, uid: int = 0) -> process.Result:
        """Run apptainer with these arguments, its cache under `home`."""
        env = {"PATH": f"{self.home}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home)}
        argv = [self.program, *args]
        return process.run(argv, timeout=120, env=env, cwd=home, check=False, user=uid or None)

    def image(self, root: Path, file: Path) -> Path:
        """Build a .sif of a root folder."""
        said = self.run("build", file, root, home=file.parent)
        assert said.ok, said.stderr
        file.chmod(0o644)
        return file


def install(folder: Path) -> Apptainer:
    """Fetch apptainer and make it runnable in `folder`."""
    home, build = folder / "apptainer", folder / "build"
    root = debian.unpacked("apptainer", "sid", build, sources.moving(build / "sources"))
    files = {name: root / path for name, path in _PROGRAMS.items()}
    libraries = assemble.Libraries([root / name for name in (_FOLDER, "usr/lib64")])
    assemble.lay(assemble.with_libraries(files, libraries, ("libnss_files", "libsubid")), home)
    relocate.prepare(home)
    relocate.place(home, home)
    for name in ("etc/apptainer", "var/lib/apptainer"):
        shutil.copytree(root / name, home / name)
    known = home / "lib/x86_64-linux-gnu/apptainer"
    shutil.copytree(root / _FOLDER / "apptainer", known)
    (known / "bin/starter").unlink()
    (known / "bin/starter").symlink_to(home / "libexec/apptainer/bin/starter")
    conf = home / "etc/apptainer/apptainer.conf"
    usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    conf.write_text(conf.read_text() + f"binary path = {home}/bin:{usual}\n")
    for path in (folder, home, *home.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(build)
    return Apptainer(home)


def tiny_root(folder: Path) -> Path:
    """Make the root of a tiny machine: busybox for everything, and its own /etc/os-release."""
    build = folder.with_name(folder.name + ".build")
    unpacked = debian.unpacked("busybox-static", "sid", build, sources.moving(build / "sources"))
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root", "home", "var/tmp", "usr"):
        (folder / name).mkdir(parents=True)
    shutil.copy(next(unpacked.glob("**/bin/busybox")), folder / "bin/busybox")
    shutil.rmtree(build)
    for name in _APPLETS:
        (folder / "bin" / name).symlink_to("busybox")
    for name in ("passwd", "group", "resolv.conf", "hosts", "localtime"):
        (folder / "etc" / name).touch()
    (folder / "etc/os-release").write_text(OS_RELEASE)
    folder.chmod(0o755)
    return folder
