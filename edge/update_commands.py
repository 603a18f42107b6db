"""``gatepost update``: a new version from a signed file, on trial until the centre has confirmed a self-test."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import GatepostError, RefusedError, SettingsError, StorageError
from edge.options import SETTINGS_FILE, InLanguage, Json, SettingsFile, language, print_json, spoken

if TYPE_CHECKING:
    from edge.releases import Releases
    from edge.settings import Settings
    from edge.update_file import Manifest
    from edge.updating import Outcome

HELP = spoken(
    """Update this gate from a file that the county has signed.

    The new version is put beside the old one, then the daemon is restarted: the button is not armed for some seconds.
    If no self-test comes back from the centre within five minutes, the old version is back by itself, and the centre
    is told. It goes on when this terminal is closed, and after a power cut. An open alarm is never interrupted.

    Exit code 0 when the new version stays, 1 when the old one is back, 10 when the file is refused.""",
    """用县里签名的文件升级本校门。

    新版本装在旧版本旁边，然后重启主程序：按钮有几秒钟不能用。
    五分钟内中心没有确认自检，就自动恢复旧版本并报告中心。关闭终端或断电后会继续。绝不打断未结束的警情。

    退出码：0 新版本已启用，1 已恢复旧版本，10 文件被拒绝。""",
)
EXAMPLES = spoken(
    "Example: sudo gatepost update gatepost-0.2.0.update", "示例：sudo gatepost update gatepost-0.2.0.update"
)
UNIT = "gatepost-update.service"
STAGING = ".update"
LOOK_S = 1.0
LINES = {
    "kept": spoken("{after} runs: {reason}. The button was not armed for {down_s:.1f} s.",
                   "{after} 已启用：中心确认了自检。按钮停用 {down_s:.1f} 秒。"),
    "back": spoken("{before} is back, {after} is not used: {reason}.", "已恢复 {before}，未采用 {after}：{reason}。"),
}  # fmt: skip

File = Annotated[Path | None, typer.Argument(metavar="FILE", help=spoken("The signed file.", "签名的升级文件。"))]
Resume = Annotated[bool, typer.Option("--resume", hidden=True)]
Follow = Annotated[
    bool,
    typer.Option("--follow", help=spoken("Wait for the end of one that is under way.", "等待正在进行的升级结束。")),
]


def update(
    file: File = None, resume: Resume = False, follow: Follow = False, json: Json = False, given: InLanguage = None,
    config: SettingsFile = SETTINGS_FILE,
) -> None:  # fmt: skip
    """Check, install beside, hand over to the unit that tries it, and wait for its verdict."""
    if os.geteuid() != 0:
        raise RefusedError("an update changes the machine: use sudo gatepost update")
    from edge.releases import Releases
    from edge.settings import load
    from edge.update_hands import SystemdHands
    from edge.updating import Updating

    language(given)
    settings, releases = load(config), Releases()
    updating = Updating(
        releases, SystemdHands(Path(settings.gate.runtime_directory)), settings.update.receipt_s_max,
        settings.update.arm_s_max, typer.echo,
    )  # fmt: skip
    try:
        if resume:
            _told(updating.carry_out(), json)
            return
        if file is not None:
            updating.begin(prepared(file, settings, releases), _who())
            _hand_over()
        elif not follow:
            raise RefusedError("name the signed file: gatepost update FILE")
        while updating.pending() is not None:
            time.sleep(LOOK_S)
    except OSError as error:
        raise StorageError(
            f"{error.filename or releases.base}: {error.strerror or error}; the version that ran goes on"
        ) from error
    _told(updating.outcome(), json)


def prepared(file: Path, settings: Settings, releases: Releases) -> str:
    """The version in ``file``, installed beside the current one. Raises GatepostError, OSError."""
    from edge import environments, update_file

    key_file = settings.update.key_file
    if key_file is None:
        raise SettingsError(["update.key_file: given nothing; allowed: the file of the county's key for updates"])
    staging = releases.base / STAGING
    manifest = update_file.unpack(file, update_file.public_key(Path(key_file)), staging)
    refuse_unfit(manifest, releases.current() or "")
    content = max(manifest.wheels.values(), default="")[:16]
    if not releases.is_complete(manifest.version, content):
        place = releases.place(manifest.version)
        if manifest.version in (releases.current(), releases.previous()):
            raise RefusedError(
                f"{manifest.version} is installed from another file: the county must give it a new number"
            )
        shutil.rmtree(place, ignore_errors=True)
        typer.echo(f"{place}: a minute or two ...")
        before = releases.place(releases.current() or "") / environments.CONSTRAINTS
        constraints = before.read_text(encoding="utf-8") if before.exists() else ""
        extras = f"[{','.join(manifest.extras)}]" if manifest.extras else ""
        what = ["--no-index", "--find-links", str(staging), f"gatepost{extras} == {manifest.version}"]
        environments.make(_run, _system_python(), str(place), what, constraints)
        releases.completed(manifest.version, content)
    shutil.rmtree(staging)
    return manifest.version


def refuse_unfit(manifest: Manifest, current: str) -> None:
    """Raises RefusedError where the update is for another machine, or older than what runs: an old hole comes back."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}", platform.machine()
    if (manifest.python, manifest.machine) != here:
        raise RefusedError(
            f"the update is for Python {manifest.python} on {manifest.machine}, this is {here[0]} on {here[1]}:"
            " ask the county for the right one"
        )
    if _order(manifest.version) < _order(current):
        raise RefusedError(f"{manifest.version} is older than {current}, which runs: only newer versions are taken")


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("+")[0].split(".") if part.isdigit())


def _system_python() -> str:
    """The interpreter that this environment was made from: an environment of an environment would be none."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word why"]
        raise GatepostError(f"{words[0]} failed: {last[0]}; the version that ran goes on")


def _hand_over() -> None:
    """To systemd: a terminal that is closed must not end a trial in its middle."""
    _run("systemctl", "start", "--no-block", UNIT)


def _who() -> str:
    from edge.operator_identity import operator

    return operator().name


def _told(outcome: Outcome | None, json: bool) -> None:
    if outcome is None:
        typer.echo(spoken("No update is under way.", "没有正在进行的升级。"))
        return
    if json:
        print_json(outcome)
    else:
        typer.echo(LINES["kept" if outcome.kept else "back"].format(
            before=outcome.before, after=outcome.after, reason=outcome.reason, down_s=outcome.down_ms / 1000
        ))  # fmt: skip
    raise typer.Exit(0 if outcome.kept else 1)
