"""A learner saved and loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learners import LEARNERS, LabelExpansion, LabelPriors, Learner, load, make, save
from learners.core import files
from learners.wrappers import RiverLearner


def taught(learner: Learner, messages: range) -> Learner:
    """Return a learner that has learned some messages of a small stream."""
    for number in messages:
        x = np.random.default_rng(number).normal(size=6).astype(np.float32)
        names = [name for name, value in zip("abcd", x, strict=False) if value > 0.3]
        learner.learn(x, learner.label_space.targets([*names, f"new{number // 20}"]))
    return learner


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_what_is_loaded_is_equal_and_goes_on_equal(name: str, tmp_path: Path) -> None:
    """Every learner: its class, its parameters, its state, and whether it allows pickles."""
    learner, path = taught(make(name), range(50)), tmp_path / "it"
    allowed = isinstance(learner, RiverLearner)
    save(learner, path, allow_pickle=allowed)
    loaded = load(path, allow_pickle=allowed)
    assert type(loaded) is type(learner)
    assert repr(loaded) == repr(learner)
    assert loaded.digest() == learner.digest()
    assert taught(loaded, range(50, 70)).digest() == taught(learner, range(50, 70)).digest()


def test_parameters_come_back_also_those_that_are_learners(tmp_path: Path) -> None:
    """A learner inside another one is made again as it was made."""
    learner = taught(LabelExpansion(make("knn", k=3), memory=20), range(30))
    save(learner, tmp_path / "it")
    loaded = load(tmp_path / "it")
    assert isinstance(loaded, LabelExpansion)
    assert loaded.learner is not None
    assert (repr(loaded.learner), loaded.memory) == (repr(make("knn", k=3)), 20)
    assert loaded.digest() == learner.digest()


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "inside another"])
def test_pickles_are_written_and_loaded_only_where_they_are_allowed(wrapped: bool, tmp_path: Path) -> None:
    """Both refusals say what to do; allowing it once does not allow it for ever."""
    inner, path = make("br-nb"), tmp_path / "it"
    learner = taught(LabelExpansion(inner) if wrapped else inner, range(10))
    with pytest.raises(PermissionError, match=r"river models.*Call save with allow_pickle=True"):
        save(learner, path)
    assert not list(tmp_path.iterdir())
    save(learner, path, allow_pickle=True)
    with pytest.raises(PermissionError, match=r"it holds pickled river models.*Call load with allow_pickle"):
        load(path)
    loaded = load(path, allow_pickle=True)
    assert loaded.state_without_labels().keys() == learner.state_without_labels().keys()
    held = loaded.learner if isinstance(loaded, LabelExpansion) else loaded
    assert isinstance(held, RiverLearner)
    assert not held.allow_pickle


def test_a_file_of_a_learner_of_ours_holds_no_pickle(tmp_path: Path) -> None:
    """A pickle begins with these bytes."""
    save(taught(make("ihomer"), range(30)), tmp_path / "it")
    load(tmp_path / "it", allow_pickle=False)
    assert b"\x80\x04\x95" not in (tmp_path / "it").read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(0, 10**6))
def test_a_truncated_file_is_refused_with_what_to_do(length: int, tmp_path: Path) -> None:
    """Wherever it ends."""
    path = tmp_path / "it"
    save(taught(LabelPriors(), range(5)), path)
    content = path.read_bytes()
    path.write_bytes(content[: length % len(content)])
    with pytest.raises(ValueError, match=r"it is (truncated|damaged).*Give a file that learners\.save wrote"):
        load(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 something else", b"\x89ITHACA\n" + bytes(200)])
def test_a_foreign_file_is_refused_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    """A snapshot of the service, too, is no learner."""
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(ValueError, match=r"it is no learner's file.*Give a file that learners\.save wrote"):
        load(tmp_path / "it")


def test_a_newer_format_is_refused_with_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with what to do."""
    with monkeypatch.context() as patched:
        patched.setattr(files, "VERSION", 2)
        save(LabelPriors(), tmp_path / "it")
    with pytest.raises(ValueError, match=r"has format 2, .* up to 1\. Load it with the version that wrote"):
        load(tmp_path / "it")


class Own(LabelPriors):
    """A learner that is not one of the package's."""


def test_a_learner_of_ones_own_is_found_where_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is imported for a file's sake; a class that could not be found is not written."""
    learner = taught(Own(half_life=7), range(5))
    save(learner, tmp_path / "it")
    assert load(tmp_path / "it").digest() == learner.digest()
    monkeypatch.delattr(f"{__name__}.Own")
    with pytest.raises(ValueError, match=r"of the class .*:Own, which is not known here\. Import the module"):
        load(tmp_path / "it")
    with pytest.raises(TypeError, match=r"Own cannot be found by its name.*top level of a module"):
        save(learner, tmp_path / "other")


def test_a_file_stays_as_it_was_if_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    """It is replaced only by a whole one."""
    path = tmp_path / "it"
    save(LabelPriors(), path)
    before = path.read_bytes()
    broken = LabelPriors()
    broken._messages = object()  # type: ignore[assignment]
    with pytest.raises(TypeError):
        save(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
