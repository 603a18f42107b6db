"""``scripts/vm build``: from nothing to an image that boots. What is there already is not made again."""

from __future__ import annotations

import shutil

from virtual import kernel, tree, wheels
from virtual.packages import HOST_PACKAGES, install_on_host
from virtual.places import PROJECT, ROOM_GB, SOURCES, alone, cache
from virtual.steps import BuildError, newest, run, step
from virtual.tree import GATE, SCREEN, Guest

PRODUCT = tuple(PROJECT / name for name in ("edge", "centre", "kiosk", "systemd", "setup.cfg", "scripts/installation"))
MACHINERY = tuple(PROJECT / "scripts" / "virtual" / f"{name}.py" for name in ("kernel", "tree", "wheels", "build"))


def fresh(guest: Guest = GATE) -> bool:
    """True where the image is newer than everything it is made of."""
    image = cache() / guest.image
    return image.exists() and image.stat().st_mtime > newest(
        *PRODUCT, *MACHINERY, SOURCES / "modules", SOURCES / "guest"
    )


def build(clean: bool = False) -> None:
    """Make ``root.img``, ``kernel/vmlinuz`` and ``kernel/initrd`` in the cache. Raises BuildError."""
    with alone():
        _build(clean)


def build_screen() -> None:
    """Make ``screen.img`` as well: the gate with a browser on its own screen. Raises BuildError."""
    with alone():
        _build(clean=False)
        if not fresh(SCREEN):
            tree.make_base(SCREEN)
            _image(SCREEN)


def _build(clean: bool) -> None:
    place = cache()
    if clean:
        for thing in place.iterdir():
            if thing.name != "lock":
                shutil.rmtree(thing) if thing.is_dir() else thing.unlink()
    if fresh():
        print(f"the image in {place} is up to date")
        return
    free_gb = shutil.disk_usage(place).free / 1e9
    if free_gb < ROOM_GB:
        raise BuildError(f"{place} has {free_gb:.1f} GB free, {ROOM_GB} are needed: name another place by $GATEPOST_VM")
    with step("virtual gate, all of it"):
        with step("packages of this host"):
            install_on_host(*HOST_PACKAGES)
        tree.make_base(GATE)
        kernel.build()
        wheels.build_from_source()
        wheels.gather()
        _image(GATE)


def _image(guest: Guest) -> None:
    root, part, image = cache() / "root", cache() / "root.part", cache() / guest.image
    with step("product"):
        shutil.rmtree(root, ignore_errors=True)
        run("cp", "-a", cache() / guest.base, root)
        tree.install_product(root, guest.words)
    with step("image"):
        tree.furnish(root)
        kernel.make_initrd(root)
        used_mb = int(run("du", "-sxm", root).split()[0])
        part.unlink(missing_ok=True)
        run("truncate", "-s", f"{used_mb + used_mb // 4 + 300}M", part)
        run("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file",
            "-E", "lazy_itable_init=1,nodiscard", "-d", root, part)  # fmt: skip
        part.replace(image)
        shutil.rmtree(root)
