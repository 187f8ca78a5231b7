"""How many single faults the tests notice: `python -m tests.mutations --sample 150 --seed 1 [PATH ...]`.

Draws mutants (`tests.mutants`) of the three packages, or of the given files and folders, puts one at a time
into a copy of the code, and runs what belongs to its module there: the examples in its docstrings, the tests
that mirror it (those of its folder where no file does), the test files that import a name from it, where
they are few, and those of the states; without `slow`, `device` and `kafka`. Prints each survivor, and exits 1
where less than 85 % were noticed.

A mutant takes from seconds to minutes; interrupted, it counts those that are done. Tests that no longer end
have noticed. At the end the tests that noticed run once without any fault; what fails then has not counted.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from drift.core.compiled import FOLDERS
from tests.faults.mutations import ROOT, copy_code
from tests.mutants import Mutant, mutants
from tests.structure import OURS, imported, imports, modules

WANTED = 0.85
LIMIT_S = 240
"""Of the processor, for all tests of one mutant: on a busy machine they take longer, and notice no more."""
FEW = 5
"""A module that more test files import is a means to them; then only those of its own folder count."""
NOTICED = re.compile(r"^(?:FAILED|ERROR) (?P<test>.+?)(?: - .*)?$", re.MULTILINE)


class Verdict(NamedTuple):
    """What became of a mutant.

    Parameters
    ----------
    mutant
        Which one.
    noticed
        Whether a test failed, or could not be run.
    test
        The first one that failed; empty where none did, or where it ran into its time limit.
    """

    mutant: Mutant
    noticed: bool
    test: str


def sample(paths: Sequence[str], size: int, seed: int) -> list[Mutant]:
    """Draw mutants, each with the same probability, in no order: the first few are a sample as well."""
    files = [path for path in modules().values() if any(path.is_relative_to(ROOT / each) for each in paths)]
    sources = {str(path.relative_to(ROOT)): path.read_bytes() for path in files}
    every = [mutant for path, source in sources.items() for mutant in mutants(path, source)]
    random.Random(seed).shuffle(every)
    valid = (mutant for mutant in every if mutant.compiles(sources[mutant.path]))
    return list(islice(valid, size))


def files_testing(path: str) -> list[str]:
    """Return the files whose tests belong to a module: the quickest to notice something first."""
    folder = Path("tests") / Path(path).parent
    mirror = folder / f"test_{Path(path).stem}.py"
    near = [mirror] if (ROOT / mirror).exists() else sorted(_relative((ROOT / folder).glob("test_*.py")))
    importers = _importers().get(_name(path), [])
    if len(importers) > FEW:
        importers = [each for each in importers if Path(each).parent == folder]
    states = f"tests/{Path(path).parts[0]}/test_states.py"
    return list(dict.fromkeys([path, *map(str, near), *importers, states]))


def _name(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@functools.cache
def _importers() -> dict[str, list[str]]:
    """Return the test files that import a name from each module, also where its package passes it on."""
    passed_on = {(each.importer, each.name): each.module for each in imports()}
    found: dict[str, list[str]] = defaultdict(list)
    # Those of fault tests and READMEs run the whole service, and notice late.
    for folder in OURS:
        for path in sorted(_relative((ROOT / "tests" / folder).rglob("test_*.py"))):
            for each in imported("tests", (ROOT / path).read_text(encoding="utf-8")):
                found[passed_on.get((each.module, each.name), each.module)].append(str(path))
    return found


def _relative(paths: Iterator[Path]) -> Iterator[Path]:
    return (path.relative_to(ROOT) for path in paths)


class Copy:
    """A copy of the code, in which one fault at a time is tried.

    Parameters
    ----------
    folder
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        copy_code(folder)
        self._folder = folder
        self._cache = folder / "compiled"
        self._environment = os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(self._cache)}
        self._made = 0
        for kept in filter(Path.is_dir, FOLDERS):
            shutil.copytree(kept, self._cache / kept.name, dirs_exist_ok=True)

    def tried(self, mutant: Mutant) -> Verdict:
        """Run the tests of a mutant's module."""
        with self._mutated(mutant):
            ran = self._pytest(LIMIT_S, "-x", *files_testing(mutant.path))
        if "file or directory not found" in ran.stdout:
            raise RuntimeError(f"The code has changed since it was copied; start again.\n{ran.stdout}")
        noticed = ran.returncode not in (0, 5)  # 5: there are none.
        test = NOTICED.search(ran.stdout)
        return Verdict(mutant, noticed, test["test"] if test else "")

    def failing(self, tests: Sequence[str]) -> set[str]:
        """Return those that fail without a fault."""
        if not tests:  # pytest would run all.
            return set()
        ran = self._pytest(resource.RLIM_INFINITY, *tests)
        return {found["test"] for found in NOTICED.finditer(ran.stdout)}

    def _pytest(self, limit_s: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = ("-p", "no:cacheprovider", "-m", "not slow and not device and not kafka")
        return self._run("-m", "pytest", *options, *arguments, limit_s=limit_s)

    def _run(
        self, *arguments: str, limit_s: int = resource.RLIM_INFINITY
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s)),
        )

    @contextmanager
    def _mutated(self, mutant: Mutant) -> Iterator[None]:
        path = self._folder / mutant.path
        source, times = path.read_bytes(), path.stat()
        path.write_bytes(mutant.applied(source))
        # Python takes bytecode for current by a file's size and second.
        self._made += 1
        os.utime(path, (self._made, self._made))
        made = None
        try:
            if b"@compiled" in source:
                made = self._seed_cache(mutant)
            yield
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)

    def _seed_cache(self, mutant: Mutant) -> Path:
        """Compile again only the module and what imports it: the cache keeps all functions by all sources."""
        asked = self._run("-c", "from drift.core.compiled import FOLDERS; print(FOLDERS[0].name)")
        kept, made = self._cache / FOLDERS[0].name, self._cache / asked.stdout.strip().split("\n")[-1]
        if kept.exists() and not made.exists():
            stale = set(_reached(_name(mutant.path)))
            shutil.copytree(kept, made, ignore=lambda _, names: stale.intersection(names))
        return made


def _reached(module: str) -> Iterator[str]:
    """Yield a module and all that import it, by way of others too."""
    reached, waiting = {module}, [module]
    for each in waiting:
        yield each
        new = {one.importer for one in imports() if one.module == each} - reached
        reached |= new
        waiting += sorted(new)


def _print(verdicts: Sequence[Verdict]) -> bool:
    """Print the shares; return whether enough were noticed."""
    for name in (*OURS, ""):
        ours = [each.noticed for each in verdicts if each.mutant.path.startswith(name)]
        if ours:
            print(f"{name or 'all':9s} {sum(ours):4d} of {len(ours):4d} noticed, {sum(ours) / len(ours):.0%}")
    return sum(each.noticed for each in verdicts) >= WANTED * len(verdicts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=150, help="how many mutants are drawn")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument(
        "paths", nargs="*", default=list(OURS), help="files or folders that they are drawn from"
    )
    given = parser.parse_args(arguments)
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="ithaca-mutations-") as folder:
        copy = Copy(Path(folder))
        with suppress(KeyboardInterrupt):
            for mutant in sample(given.paths, given.sample, given.seed):
                verdicts.append(verdict := copy.tried(mutant))
                shown = mutant.diff((ROOT / mutant.path).read_bytes())
                if not verdict.noticed:
                    print(f"SURVIVED {shown}", flush=True)
                elif not verdict.test:
                    print(f"AT ITS TIME LIMIT {shown}", flush=True)
        broken = copy.failing(sorted({each.test for each in verdicts if each.test}))
    for test in sorted(broken):
        print(f"NOT COUNTED, fails without a fault: {test}")
    return 0 if _print([each for each in verdicts if each.test not in broken]) else 1


if __name__ == "__main__":
    sys.exit(main())
