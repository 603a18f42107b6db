"""Mistakes that a machine makes: a sample of small changes to the code that must not be wrong, and how many are seen.

The changes are cosmic-ray's; which tests are asked, and in which copy of the tree, is the harness's own. Entry of
``scripts/mutants --score``.
"""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from cosmic_ray.ast import get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from mutation.harness import AT_ONCE, NOTHING_RAN, ROOT, Trees, near, pytest
from mutation.mistake import Mistake

FILES = {
    "alarm": ("alarm", "latching", "contact"),
    "uplink": ("uplink", "owed", "sending", "pace", "links"),
    "self-test": ("selftest", "verdicts", "claim"),
    "store": ("drivers/store", "card_file", "keeper", "fallback"),
    "signatures": ("ledger", "ledger_key", "seals", "trust", "challenges"),
}
"""The code of which the issue demands 85 %, by what it does."""

PASSED_OVER = re.compile(
    r"BitOr|BitAnd|BitXor|Shift|_Pow|_Is$|_IsNot$|Is_Eq|IsNot_NotEq|Variable|RemoveDecorator|ExceptionReplacer"
)
"""Changes that change nothing here (the types' ``|``, ``is`` of an enum), or that every import notices."""

SHARE_MIN = 0.85


def changes(file: str) -> list[tuple[str, int]]:
    """Every operator with the number of each place in the file that it could change."""
    tree = get_ast_from_path(ROOT / file)
    found: list[tuple[str, int]] = []
    for name in operator_names():
        if PASSED_OVER.search(name):
            continue
        operator = get_operator(name)()
        count = sum(len(list(operator.mutation_positions(node))) for node in _nodes(tree))
        found.extend((name, number) for number in range(count))
    return found


def sample(count: int, seed: int) -> list[tuple[str, Mistake]]:
    """So many changes, spread over the five kinds of code alike; those that change no line are left out."""
    random, out = Random(seed), []
    for kind, names in FILES.items():
        places = [(f"edge/{name}.py", *change) for name in names for change in changes(f"edge/{name}.py")]
        random.shuffle(places)
        wanted = count // len(FILES)
        for file, operator, number in places:
            if wanted == 0:
                break
            mistake = _mistake(file, operator, number)
            if mistake is not None:
                out.append((kind, mistake))
                wanted -= 1
    return out


def noticed(trees: Trees, number: int, mistake: Mistake) -> bool:
    """Whether a test near it is red, or never ends, or cannot even be read."""
    tree = trees.copy(str(number))
    spoiled = tree / mistake.file
    spoiled.write_text(spoiled.read_text(encoding="utf-8").replace(mistake.old, mistake.new), encoding="utf-8")
    try:
        return pytest(tree, _asked(tree, mistake.file)).returncode not in (0, NOTHING_RAN)
    except subprocess.TimeoutExpired:
        return True
    finally:
        shutil.rmtree(tree)


def _asked(tree: Path, file: str) -> list[str]:
    contract = ["tests/contract/test_outbox.py"] if "drivers" in file or "fallback" in file else []
    return [*near(tree, file), *contract, *(["tests/sim/test_phases.py"] if "claim" in file else [])]


def _mistake(file: str, operator: str, number: int) -> Mistake | None:
    """The change as whole lines that stand once in the file."""
    before = (ROOT / file).read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(operator)(), number)
    if after is None or after == before:
        return None
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first = next(place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    begin, end = first, first + 1
    while before.count("".join(old[begin:end])) != 1:
        begin, end = max(0, begin - 1), end + 1
    diff = next(line for line in difflib.ndiff(old, new) if line.startswith("+ "))[2:].strip()
    name = f"{file}:{first + 1} {operator.removeprefix('core/')} -> {diff[:90]}"
    return Mistake(name, file, "".join(old[begin:end]), "".join(new[begin:end]))


def _nodes(tree: object) -> list[object]:
    out, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        out.append(node)
        waiting.extend(getattr(node, "children", ()))
    return out


def main(count: int = 200, seed: int = 1) -> int:
    """Judge a sample; 0 only if enough of it was noticed."""
    began = time.monotonic()
    chosen = sample(count, seed)
    seen: Counter[str] = Counter()
    made: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="gatepost-mutants-") as directory, ThreadPoolExecutor(AT_ONCE) as pool:
        trees = Trees(Path(directory))
        jobs = [pool.submit(noticed, trees, number, mistake) for number, (_, mistake) in enumerate(chosen)]
        for (kind, mistake), job in zip(chosen, jobs, strict=True):
            caught = job.result()
            made[kind] += 1
            seen[kind] += caught
            if not caught:
                print(f"SURVIVED  {mistake.name}", flush=True)
    for kind in FILES:
        print(f"{kind:12} {seen[kind]:4} of {made[kind]:4} noticed, {100 * seen[kind] / max(1, made[kind]):.0f} %")
    share = seen.total() / max(1, made.total())
    took_s = time.monotonic() - began
    print(f"{seen.total()} of {made.total()} noticed, {100 * share:.1f} %, in {took_s:.0f} s (seed {seed})")
    return 0 if share >= SHARE_MIN else 1
