"""The guest's kernel: Debian's own, with the modules that stand for a Pi's hardware built beside it.

``gpio-sim`` and ``irq_sim`` are the kernel's own, from Debian's source package (Debian does not build them);
``gate_i2c`` is ours. The kernel comes from a release whose headers and tools run on this host.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from virtual.packages import Archive, host_release, install_on_host
from virtual.places import SOURCES, cache
from virtual.steps import BuildError, newest, run, step

MODULES = (
    "virtio_blk", "virtio_net", "virtio_rng", "virtio_console", "ext4", "crc32c_generic", "configfs", "i2c-dev",
    "i6300esb", "overlay", "loop", "vivid", "qemu_fw_cfg", "bochs",
)  # fmt: skip
"""Of Debian's modules, all that the guest gets, unpacked: to unpack one takes an emulated processor long."""

OURS = ("irq_sim", "gpio-sim", "gate_i2c")
EARLY = ("virtio_blk", "crc32c_generic", "ext4", "overlay", "i6300esb")
"""What is there before systemd: the root disk, and the watchdog, which a Pi has built in."""

INIT = """\
#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
{insmods}
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
read words </proc/cmdline
case "$words" in
*virtual_gate.overlay*) # as Debian's overlayroot with "tmpfs:recurse=0" has it
    mkdir /lower /upper
    mount -t ext4 -o ro /dev/vda /lower && mount -t tmpfs upper /upper && mkdir /upper/files /upper/work &&
        mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /sysroot || exec sh ;;
*) mount -t ext4 -o rw /dev/vda /sysroot || exec sh ;;
esac
mount --move /dev /sysroot/dev
umount /proc
exec switch_root /sysroot /lib/systemd/systemd
"""


def build() -> None:
    """Make ``kernel/`` in the cache: vmlinuz, initrd.modules and the guest's lib/modules. Raises BuildError."""
    directory = cache() / "kernel"
    done = directory / "version"
    if done.exists() and done.stat().st_mtime > newest(SOURCES / "modules", Path(__file__)):
        return
    version = _unpack(directory)
    with step("kernel modules"):
        _compile(directory, version)
        _gather(directory, version)
    done.write_text(version)


def make_initrd(root: Path) -> None:
    """The small first file system: the first modules, and a busybox of the guest's tree ``root``."""
    directory = cache() / "kernel"
    version = (directory / "version").read_text()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        for folder in ("bin", "dev", "proc", "sysroot", "modules"):
            (here / folder).mkdir()
        shutil.copy2(root / "usr/bin/busybox", here / "bin/busybox")
        for applet in ("sh", "mkdir", "mount", "umount", "insmod", "sleep", "switch_root"):
            (here / "bin" / applet).symlink_to("busybox")
        files = _with_dependencies(directory / "tree", version, EARLY)
        for file in files:
            shutil.copy2(file, here / "modules")
        init = here / "init"
        init.write_text(INIT.format(insmods="\n".join(f"insmod /modules/{file.name}" for file in files)))
        init.chmod(0o755)
        names = "\n".join(str(path.relative_to(here)) for path in sorted(here.rglob("*")))
        run("cpio", "--quiet", "-o", "-H", "newc", "-F", directory / "initrd", directory=here, stdin=names + "\n")


def _unpack(directory: Path) -> str:
    """Debian's kernel, headers and the three source files; the kernel's version. Does nothing where all is there."""
    done = directory / "unpacked"
    if done.exists():
        return done.read_text()
    release = host_release()
    archive = Archive("bookworm-backports" if release == "bookworm" else release)
    headers = next(name for name in archive.dependencies("linux-headers-amd64") if name.startswith("linux-headers-"))
    version = headers.removeprefix("linux-headers-")
    base = version.removesuffix("-amd64")
    source = "linux-source-" + ".".join(version.split(".")[:2])
    compilers = [name for name in archive.dependencies(headers) if re.fullmatch(r"gcc-\d+", name)]
    install_on_host(*(compilers or ["gcc"]))
    with step(f"kernel {version}, from {release}"):
        shutil.rmtree(directory, ignore_errors=True)
        for name in ("packages", "headers", "image", "modules"):
            (directory / name).mkdir(parents=True)
        wanted = [source, f"linux-image-{version}-unsigned", headers, f"linux-headers-{base}-common"]
        archive.download([*wanted, f"linux-kbuild-{base}"], directory / "packages")
        for package in (directory / "packages").glob("*.deb"):
            if package.name.startswith(("linux-headers", "linux-kbuild")):
                run("dpkg", "-x", package, directory / "headers")
            elif package.name.startswith("linux-image"):
                run("dpkg", "-x", package, directory / "image")
        _unpack_sources(next((directory / "packages").glob("linux-source-*.deb")), source, directory / "modules")
        shutil.rmtree(directory / "packages")
    done.write_text(version)
    return version


def _unpack_sources(package: Path, source: str, directory: Path) -> None:
    wanted = [f"{source}/drivers/gpio/gpio-sim.c", f"{source}/drivers/gpio/gpiolib.h", f"{source}/kernel/irq/irq_sim.c"]
    run(
        "bash", "-o", "pipefail", "-c",
        'dpkg --fsys-tarfile "$1" | tar -xO "./usr/src/$2.tar.xz" | tar -xJ -C "$3" --transform "s#.*/##" "${@:4}"',
        "unpack", package, source, directory, *wanted,
    )  # fmt: skip


def _compile(directory: Path, version: str) -> None:
    build = directory / "modules"
    tree = directory / "headers" / "usr" / "src" / f"linux-headers-{version}"
    makefile = tree / "Makefile"
    text = makefile.read_text()
    makefile.write_text(re.sub(r"(?m)^include /usr/src/", f"include {directory}/headers/usr/src/", text))
    (tree / "vmlinux").unlink(missing_ok=True)  # without it no type information is made, for which pahole is needed
    _adapt(build)
    for file in (SOURCES / "modules").glob("*.c"):
        shutil.copy2(file, build)
    shutil.copy2(SOURCES / "modules" / "Kbuild", build)
    run("make", "-s", "-C", tree, f"M={build}", "modules")


def _adapt(build: Path) -> None:
    """Two sources of the kernel's, so that they can stand beside it."""
    simulated_irq = build / "irq_sim.c"
    text = simulated_irq.read_text()
    # Not exported to modules; the generic way does the same.
    text = text.replace("handle_simple_irq(irq_to_desc(irqnum));", "generic_handle_irq(irqnum);")
    if "MODULE_LICENSE" not in text:
        text += '\n#include <linux/module.h>\nMODULE_DESCRIPTION("irq_sim");\nMODULE_LICENSE("GPL");\n'
    simulated_irq.write_text(text)
    lines = build / "gpio-sim.c"
    text = lines.read_text()
    # A pull-up that a program asks for must not lift a line that a closed contact ties to ground.
    lines.write_text(re.sub(r"return gpio_sim_apply_pull\(chip, offset, [01]\);", "return 0;", text))
    if "return 0;" not in lines.read_text().partition("gpio_sim_set_config")[2][:600]:
        raise BuildError("this kernel's gpio-sim.c is not the one that is known: adapt scripts/virtual/kernel.py")


def _gather(directory: Path, version: str) -> None:
    """Only the modules that are wanted, with their dependencies, as the guest's /lib/modules."""
    image, tree = directory / "image", directory / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    target = tree / "lib" / "modules" / version
    (target / "extra").mkdir(parents=True)
    run("depmod", "-b", image, version)
    source = image / "lib" / "modules" / version
    for file in _with_dependencies(image, version, MODULES):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)
        if place.suffix == ".xz":
            run("xz", "-d", "-f", place)
    for name in OURS:
        run("strip", "--strip-debug", "-o", target / "extra" / f"{name}.ko", directory / "modules" / f"{name}.ko")
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy2(source / name, target)
    run("depmod", "-b", tree, version)
    shutil.copy2(image / "boot" / f"vmlinuz-{version}", directory / "vmlinuz")


def _with_dependencies(root: Path, version: str, names: tuple[str, ...]) -> list[Path]:
    """The files of these modules and of all that they need, in the order of loading."""
    found: dict[Path, None] = {}
    for name in names:
        lines = run("modprobe", "-d", root, "-S", version, "--show-depends", name).splitlines()
        found |= dict.fromkeys(Path(line.split()[1]) for line in lines if line.startswith("insmod"))
    return list(found)
