"""Mistakes that a machine makes: a sample of small changes to the code that must not be wrong, and how many are seen.

The changes are cosmic-ray's; which tests are asked, and in which copy of the tree, is the harness's own. Entry of
``scripts/mutants --score``.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from random import Random

from cosmic_ray.ast import get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from mutation.harness import AT_ONCE, NOTHING_RAN, ROOT, Trees, pytest
from mutation.kinds import KINDS, Kind
from mutation.mistake import Mistake

SHARE_MIN = 0.85
"""Of each kind of code."""

SECONDS_MAX = 90
"""The tests of one kind take a quarter of it on two old cores; what takes longer has been noticed."""

PASSED_OVER = re.compile(
    r"BitOr|BitAnd|BitXor|Shift|_Pow|_Is$|_IsNot$|Is_Eq|IsNot_NotEq|Variable|RemoveDecorator|ExceptionReplacer"
)
"""Changes that change nothing here (the types' ``|``, ``is`` of an enum), or that every import notices."""


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
    """So many changes, spread over the kinds of code alike; those that change no line are left out."""
    random, out = Random(seed), []
    for name, kind in KINDS.items():
        places = [(file, *change) for file in kind.files for change in changes(file)]
        random.shuffle(places)
        made = (_mistake(*place) for place in places)
        fit = (mistake for mistake in made if mistake is not None)
        out.extend((name, mistake) for mistake in islice(fit, count // len(KINDS)))
    return out


def noticed(trees: Trees, kind: Kind, mistake: Mistake) -> bool | None:
    """Whether a test near it is red or cannot even be read; None where they did not end, which is noticed as well."""
    try:
        with trees.spoiled(mistake) as tree:
            return pytest(tree, asked(kind, mistake.file), SECONDS_MAX).returncode not in (0, NOTHING_RAN)
    except subprocess.TimeoutExpired:
        return None


def asked(kind: Kind, file: str) -> list[str]:
    """The tests of a kind, those first that are named after the file: they are quick to notice."""
    return sorted(kind.tests, key=lambda test: Path(file).stem not in test)


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


def main(count: int = 200, seed: int = 1, only: str = "") -> int:
    """Judge a sample, or one kind of it; 0 only if enough of each kind was noticed."""
    began = time.monotonic()
    chosen = [(kind, mistake) for kind, mistake in sample(count, seed) if only in kind]
    seen: Counter[str] = Counter()
    made: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="gatepost-mutants-") as directory, ThreadPoolExecutor(AT_ONCE) as pool:
        trees = Trees(Path(directory))
        for kind in dict(chosen):
            if not trees.passes_when_clean(*KINDS[kind].tests):
                raise SystemExit(f"{kind}: its tests fail without any change; mend them first")
        jobs = [pool.submit(noticed, trees, KINDS[kind], mistake) for kind, mistake in chosen]
        for (kind, mistake), job in zip(chosen, jobs, strict=True):
            caught = job.result()
            made[kind] += 1
            seen[kind] += caught is not False
            if not caught:
                print(f"{'HUNG' if caught is None else 'SURVIVED':9} {mistake.name}", flush=True)
    for kind, all_of_it in made.items():
        print(f"{kind:12} {seen[kind]:4} of {all_of_it:4} noticed, {100 * seen[kind] / all_of_it:.0f} %")
    share = seen.total() / max(1, made.total())
    took_s = time.monotonic() - began
    print(f"{seen.total()} of {made.total()} noticed, {100 * share:.1f} %, in {took_s:.0f} s (seed {seed})")
    return 0 if made and all(seen[kind] >= SHARE_MIN * made[kind] for kind in made) else 1
