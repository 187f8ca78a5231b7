"""The order of the benchmark `hle`'s messages, and its text set on a made WordNet: nothing is downloaded."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import hle
from tests.benchmarks.hierarchies import SUBTREES, TOPS, Nouns, Set, cut, glosses


def wordnet(folder: Path, leaves: int = 10) -> Path:
    """Write a made `data.noun`: below each top, one synset that holds most of it, and that divided."""
    lines, numbers = ["  1 A licence, indented."], itertools.count(1)

    def add(name: str, above: str, gloss: str, kind: str = "@") -> str:
        synset = f"{next(numbers):08}"
        pointers = f"002 ~ 99999999 n 0000 {kind} {above} n 0000" if above else "000"
        lines.append(f"{synset} 05 n 02 {name} 0 other_name 0 {pointers} | {gloss}  ")
        return synset

    for top in TOPS:
        most = add(f"most_{top}", add(top, "", f"any {top}"), f'nearly any {top}; "she saw one"')
        for middle in range(SUBTREES[0] + 1):
            part = add(f"part{middle}", most, f"a {top} of part{middle}")
            for low in range(SUBTREES[1] + 1):
                leaf = add(f"leaf{low}", part, f"a {top} of leaf{middle}{low}")
                # The parts and leaves beyond those that are chosen are the smallest.
                for number in range(leaves - 2 * low - middle):
                    add("thing", leaf, f"{top} part{middle} leaf{middle}{low} word{number}")
                add("instance", leaf, "an instance", kind="@i")
    file = folder / "ithaca" / "wordnet" / "data.noun"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def made(levels: int) -> Set:
    """Return a hundred messages for each leaf of a binary tree of paths."""
    paths = [
        "/".join("abcdefgh"[:levels][depth] + bit for depth, bit in enumerate(bits))
        for bits in itertools.product("01", repeat=levels)
        for _ in range(100)
    ]
    x = [np.array([number], dtype=np.float32) for number in range(len(paths))]
    tasks = [
        [[label] for label in sorted({cut(path, depth) for path in paths})] for depth in range(2, levels + 1)
    ]
    return Set(x, paths, 1, tasks, 10, 0.1)


@pytest.mark.parametrize("levels", [2, 3])
def test_levels_come_from_coarse_to_fine_and_class_by_class(levels: int) -> None:
    """Each level but the last has a quarter, and in the disjoint protocol a class is in its task alone."""
    data = made(levels)
    stream = hle.messages(data, seed=0)
    assert len(stream) == len({float(x[0]) for x, _, _ in stream}) == len(data.x) - 1
    depths = [message.told.count("/") + 1 for message in stream]
    assert depths == sorted(depths)
    assert [depths.count(depth + 1) for depth in range(levels - 1)] == [len(stream) // 4] * (levels - 1)
    for depth, tasks in enumerate(data.tasks, start=2):
        told = [message.told for message in stream if message.told.count("/") + 1 == depth]
        assert [label for label, _ in itertools.groupby(told)] == [label for task in tasks for label in task]
    assert all(told == right == cut(data.paths[int(x[0])], right.count("/") + 1) for x, told, right in stream)


def test_an_overlap_spreads_a_share_of_each_class_over_the_other_tasks() -> None:
    """Nothing else changes: neither which messages there are, nor what each of them is told."""
    data = made(3)
    disjoint, blurry = hle.messages(data, seed=0), hle.messages(data, seed=0, overlap=0.3)
    assert {(float(x[0]), told) for x, told, _ in disjoint} == {(float(x[0]), told) for x, told, _ in blurry}
    for depth in (2, 3):
        before, after = (
            [told for _, told, _ in stream if told.count("/") + 1 == depth] for stream in (disjoint, blurry)
        )
        assert 0.15 < np.mean([old != new for old, new in zip(before, after, strict=True)]) < 0.7
        first = before[0]
        spread = Counter(number * 4 // len(after) for number, told in enumerate(after) if told == first)
        assert spread[0] > before.count(first) / 2 > 0 < min(spread[part] for part in range(1, 4))


def test_wrong_labels_are_those_of_another_path() -> None:
    """A fifth of the messages is told one of the other paths, at the depth of its own level."""
    stream = hle.messages(made(3), seed=0, wrong=0.2)
    assert all(told.count("/") == right.count("/") for _, told, right in stream)
    # Of the seven other paths some share the label at the level told.
    assert 0.1 < np.mean([told != right for _, told, right in stream]) < 0.22


def test_subtrees_are_those_that_hold_at_most_half(tmp_path: Path) -> None:
    """What holds more than half of a synset is divided; the first hypernym counts, and no instance."""
    nouns = Nouns(wordnet(tmp_path))
    animal = nouns.named("animal")
    names = [nouns.names[each] for each in nouns.subtrees(animal, 3)]
    assert names == ["part0", "part1", "part2"]
    assert nouns.size(animal) == len(nouns.under(animal))
    assert "an instance" not in {nouns.glosses[each] for each in nouns.under(animal)}
    assert "nearly any animal" in nouns.glosses.values()


def test_siblings_among_the_glosses_are_in_different_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three levels, each gloss once, and two labels of different parents in a task."""
    wordnet(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = glosses()
    assert data.levels == 3
    assert [len(tasks) for tasks in data.tasks] == [6, 12]
    for tasks in data.tasks:
        for one, other in tasks:
            assert one.rpartition("/")[0] != other.rpartition("/")[0]
    assert {path for tasks in data.tasks[1:] for task in tasks for path in task} == set(data.paths)
    assert len({x.tobytes() for x in data.x}) == len(data.x) == len(data.paths)


def test_the_text_set_prints_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Baselines and learners run on three levels."""
    wordnet(tmp_path, leaves=40)
    methods = ["class means", "ER", "MIR", "BiC", "expansion"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    arguments = ["--data", "glosses", "--seeds", "1", "--scale", "0.1", "--overlap", "0.1"]
    monkeypatch.setattr(sys, "argv", ["hle", *arguments, "--only", *methods])
    hle.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12].strip() for line in lines[2:]] == methods
    assert all(len(line.split("±")[1].split()[0].split("/")) == 3 for line in lines[2:])


def test_what_cannot_be_fetched_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where there is no network, or no Debian."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["hle", "--data", "fashion", "glosses"])
    hle.main()
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[:2] for line in said] == [
        [name, " skipped, it could not be fetched"] for name in ("fashion", "glosses")
    ]
