"""How many single faults the tests notice: `python -m tests.mutations --sample 150 --seed 1 [PATH ...]`.

Draws mutants (`tests.mutants`) of the three packages, or of the given files and folders, puts one at a time
into a copy of the code, and runs what belongs to its module there (`tests.forks`), until a test fails: the
examples in its docstrings, the tests that mirror it (those of its folder where no file does), those that
mirror what uses it in its package, the test files that import a name from it, where they are few, and those
that hold parameters, figures, views and states; without `slow` and `device`. What they let through is tried
once more with those of the tests that need a broker. Prints each survivor, and exits 1 where less than 85 %
were noticed. Those that only these notice are named below what the others let through.

A mutant that is noticed takes some 2 s of the processor, 0.7 s of it before the first test; one that is not
takes 5 to 20 s, as all tests run. Of the compiled functions, only those that contain the fault are compiled
(`tests.compiled_calls`). Each verdict is kept in `build/mutations.jsonl` for as long as the module and the
test that noticed stay as they are (all tests, where none did), so an interrupted run goes on where it was. A
test that no longer ends has noticed. At the end the tests that noticed run once without any fault; what fails
then has not counted.

Some survivors are equivalent, so 100 % cannot be had: another number where one stands for "nowhere" (`-1` as
the offset of nothing); a larger first size of what grows, and growing by nothing (`>=` for `>`); the last
column instead of the first where there is one; `>` for `>=` between random numbers, or times; a bound or
an early `return` that only saves work, as that of `decoding._check_bounds`; a quote's length in
`arff._unquoted`, as no token is a single quote.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from drift.core.compiled import FOLDERS
from stream.broker.brokers import ADDRESS_VARIABLE, KafkaBroker, NoBrokerError
from tests.compiled_calls import Function, reached
from tests.faults.mutations import ROOT, copy_code
from tests.forks import Result, Run
from tests.mutants import Mutant, mutants
from tests.structure import OURS, imported, imports, modules

WANTED = 0.85
KEPT = ROOT / "build" / "mutations.jsonl"
PROMPT = "not slow and not device"
FEW = 5
"""A module that more test files import is a means to them; then only those of its own folder count."""


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
    users = {each.importer for each in imports() if each.origin == _name(path)}
    beside = sorted(folder / f"test_{each.rpartition('.')[2]}.py" for each in users)
    importers = list(dict.fromkeys(_importers().get(_name(path), [])))
    if len(importers) > FEW:
        importers = [each for each in importers if Path(each).parent == folder]
    kept = ("parameters", "arithmetic", "views", "states")
    held = [f"tests/{Path(path).parts[0]}/test_{rule}.py" for rule in kept]
    found = dict.fromkeys([path, *map(str, [*near, *beside]), *importers, *held])
    return [each for each in found if (ROOT / each).exists()]


def _name(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@functools.cache
def _importers() -> dict[str, list[str]]:
    """Return the test files that import a name from each module, also where its package passes it on."""
    passed_on = {(each.importer, each.name): each.origin for each in imports()}
    found: dict[str, list[str]] = defaultdict(list)
    # Those of fault tests and READMEs run the whole service, and notice late.
    for folder in OURS:
        for path in sorted(_relative((ROOT / "tests" / folder).rglob("test_*.py"))):
            for each in imported("tests", (ROOT / path).read_text(encoding="utf-8")):
                found[passed_on.get((each.module, each.name), each.origin)].append(str(path))
    return found


def _relative(paths: Iterator[Path]) -> Iterator[Path]:
    return (path.relative_to(ROOT) for path in paths)


class Copy:
    """A copy of the code, in which one fault at a time is tried.

    Parameters
    ----------
    folder
        An empty folder, for the copy.
    stack
        Stops what has been started.

    Attributes
    ----------
    tries
        How many mutants were tried.
    seconds
        What they took of the processor, the broker's own left out.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.tries = 0
        self.seconds: dict[str, float] = defaultdict(float)
        copy_code(folder)
        self.folder = folder
        self._stack = stack
        self._made = 0
        self._cache = folder / "compiled"
        self._compiled = self._cache / FOLDERS[0].name
        self._compiled.mkdir(parents=True)
        for kept in filter(Path.is_dir, FOLDERS):
            shutil.copytree(kept, self._compiled, dirs_exist_ok=True)
        self._forks = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.forks"],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(self._cache)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        assert self._forks.stdout is not None
        self._forks.stdout.readline()  # It is ready: what is changed from now on is not yet imported.

    def noticed_by(self, mutant: Mutant, broker: bool) -> str:
        """Return the first test that fails with a mutant, among those that need a broker, or the others."""
        files, module = files_testing(mutant.path), _name(mutant.path)
        line = 1 + (self.folder / mutant.path).read_bytes().count(b"\n", 0, mutant.start)
        stale = reached(module, line)
        environment = self._broker if broker else {}
        if broker and not environment:
            return ""
        arguments = ["-x", "-m", f"{PROMPT} and {'kafka' if broker else 'not kafka'}", *files]
        self.tries += not broker
        with self._mutated(mutant), self._without(stale):
            run = Run(arguments, list(_importing(module)), bool(stale), environment)
            return "".join(self._failed(run)[:1])

    def failing(self, tests: Sequence[str]) -> set[str]:
        """Return those that fail without a fault."""
        found = [each for each in tests if (ROOT / each.partition("::")[0]).exists()]
        if not found:  # pytest would run all.
            return set()
        return set(self._failed(Run(["-m", PROMPT, *found], environment=vars(self).get("_broker", {}))))

    def _failed(self, run: Run) -> list[str]:
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        print(json.dumps(asdict(run)), file=self._forks.stdin, flush=True)
        result = Result(**json.loads(self._forks.stdout.readline()))
        self.seconds["before the first test"] += result.before
        self.seconds["with a broker" if run.environment else "without a broker"] += result.cpu - result.before
        return result.failed

    @functools.cached_property
    def _broker(self) -> dict[str, str]:
        """Where a broker listens, if one could be started."""
        with suppress(NoBrokerError):
            return {ADDRESS_VARIABLE: self._stack.enter_context(KafkaBroker()).address}
        return {}

    @contextmanager
    def _mutated(self, mutant: Mutant) -> Iterator[None]:
        path = self.folder / mutant.path
        source, times = path.read_bytes(), path.stat()
        path.write_bytes(mutant.applied(source))
        # Python takes bytecode for current by a file's size and second.
        self._made += 1
        os.utime(path, (self._made, self._made))
        try:
            yield
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    @contextmanager
    def _without(self, stale: Sequence[Function]) -> Iterator[None]:
        """Put compiled functions aside that contain a fault's code; none that is compiled with it stays."""
        aside = self.folder / "aside"
        files = [f"{module}/{module.rpartition('.')[2]}.{name}-*" for module, name in stale]
        self._move(self._compiled, aside, files)
        try:
            yield
        finally:
            for path in (path for each in files for path in self._compiled.glob(each)):
                path.unlink()
            self._move(aside, self._compiled, files)

    @staticmethod
    def _move(source: Path, target: Path, files: Sequence[str]) -> None:
        for path in (path for each in files for path in source.glob(each)):
            moved = target / path.relative_to(source)
            moved.parent.mkdir(parents=True, exist_ok=True)
            path.rename(moved)


class Kept:
    """Verdicts of earlier runs, as long as the module and what decided are as they were.

    What decided is the file of the test that noticed, or all files where none did.

    Parameters
    ----------
    copy
        Where mutants are tried whose verdict is not known.
    path
        A file of lines of JSON, which grows.
    """

    def __init__(self, copy: Copy, path: Path) -> None:
        self._copy = copy
        self._path = path
        self._verdicts: dict[str, tuple[str, str]] = {}
        if path.exists():
            lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            self._verdicts = {key: (test, decided) for key, test, decided in lines}

    def noticed_by(self, mutant: Mutant, broker: bool = False) -> str:
        """Return what `Copy.noticed_by` does, or did."""
        key = _digest(repr((mutant, broker)).encode(), (self._copy.folder / mutant.path).read_bytes())
        test, decided = self._verdicts.get(key, ("", ""))
        if decided != self._decided(mutant, test):
            test = self._copy.noticed_by(mutant, broker)
            self._verdicts[key] = test, self._decided(mutant, test)
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                print(json.dumps([key, *self._verdicts[key]]), file=file)
        return test

    def _decided(self, mutant: Mutant, test: str) -> str:
        file = self._copy.folder / test.partition("::")[0]
        files = (
            [file] if test and file.exists() else map(self._copy.folder.joinpath, files_testing(mutant.path))
        )
        return _digest(*(each.read_bytes() for each in files))


def _digest(*parts: bytes) -> str:
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).hexdigest()


def _importing(module: str) -> Iterator[str]:
    """Yield a module and all that import it, by way of others too."""
    found, waiting = {module}, [module]
    for each in waiting:
        yield each
        new = {one.importer for one in imports() if one.origin == each} - found
        found |= new
        waiting += sorted(new)


def _noticed(drawn: Sequence[Mutant], kept: Kept) -> dict[Mutant, str]:
    """Return the test that noticed each mutant, or an empty text; say at once what none did."""
    found: dict[Mutant, str] = {}
    with suppress(KeyboardInterrupt):
        for mutant in drawn:
            found[mutant] = kept.noticed_by(mutant)
            if not found[mutant]:
                print(f"SURVIVED {mutant.diff((ROOT / mutant.path).read_bytes())}", flush=True)
        # These take minutes, and most faults are noticed without.
        for mutant in [each for each in drawn if not found[each] and _needs_broker(each.path)]:
            found[mutant] = kept.noticed_by(mutant, broker=True)
            if found[mutant]:
                where = mutant.diff((ROOT / mutant.path).read_bytes()).splitlines()[0]
                print(f"NOTICED WITH A BROKER {where}", flush=True)
    return found


def _needs_broker(path: str) -> bool:
    return any("mark.kafka" in (ROOT / each).read_text(encoding="utf-8") for each in files_testing(path))


def _print(tests: Mapping[Mutant, str]) -> bool:
    """Print the shares; return whether enough were noticed."""
    for name in (*OURS, ""):
        ours = [bool(test) for mutant, test in tests.items() if mutant.path.startswith(name)]
        if ours:
            print(f"{name or 'all':9s} {sum(ours):4d} of {len(ours):4d} noticed, {sum(ours) / len(ours):.0%}")
    return sum(map(bool, tests.values())) >= WANTED * len(tests)


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
    with ExitStack() as stack:
        copy = Copy(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ithaca-mutations-"))), stack)
        tests = _noticed(sample(given.paths, given.sample, given.seed), Kept(copy, KEPT))
        broken = copy.failing(sorted(set(filter(None, tests.values()))))
    if copy.tries:
        mean = {where: round(seconds / copy.tries, 1) for where, seconds in copy.seconds.items()}
        print(f"{copy.tries} tried, each in seconds of the processor: {mean}")
    for test in sorted(broken):
        print(f"NOT COUNTED, fails without a fault: {test}")
    return 0 if _print({mutant: test for mutant, test in tests.items() if test not in broken}) else 1


if __name__ == "__main__":
    sys.exit(main())
