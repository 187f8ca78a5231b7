"""Streams with known drifts, to evaluate detectors: events with text, a vector and labels.

Labels come in groups of four. A message has a label of one group, often with its partner in the group; its
text has words of its labels, and its vector is near their centres. `PlantedDrift` lists the drifts.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Kind = Literal["input", "prior", "concept", "correlation", "birth", "death", "taxonomy"]
Pattern = Literal["sudden", "gradual", "incremental", "recurring"]
GROUP = 4
"""Labels per group."""
WORDS = 12
"""Words per label, and filler words."""
FIRST_TIME_STAMP = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)


class PlantedDrift(NamedTuple):
    """One planted drift.

    Parameters
    ----------
    kind
        What changes:

        * *input*, p(x): vectors shift by a length of 3 in one direction, and filler words are others;
          labels stay as they are.
        * *prior*, p(y): the first group becomes eight times as frequent.
        * *concept*, p(y|x): messages with the words of the first group now have the labels of the second, and
          vice versa.
        * *correlation*: labels get other partners; how often each occurs stays the same.
        * *birth*: a label that never occurred appears, on one message in ten.
        * *death*: the first label no longer occurs; its messages have another one of its group.
        * *taxonomy*: the first group's labels get children: two names under each ("a/a0").
    pattern
        *sudden*: at once. *gradual*: old and new messages mixed, with more and more new ones over `width`.
        *incremental*: intermediate states over `width` (where there are none, labels change one by one).
        *recurring*: old and new alternate, each for `width`.
    start, width
        First message of the change, and its duration in messages.
    """

    kind: Kind
    pattern: Pattern = "sudden"
    start: int = 0
    width: int = 1000

    def level(self, n: int, chance: float) -> float:
        """Return the share of the new state in a message, in [0, 1]; `chance` is its own uniform number."""
        if n < self.start:
            return 0.0
        done = min(1.0, (n - self.start + 1) / self.width)
        if self.pattern == "gradual":
            return float(chance < done)
        if self.pattern == "incremental":
            return done
        if self.pattern == "recurring":
            return float((n - self.start) // self.width % 2 == 0)
        return 1.0


class Synthetic:
    """A stream with planted drifts; equal parameters give equal events.

    Parameters
    ----------
    drifts
        The drifts; none (the default) gives a stationary stream.
    labels
        Number of labels, a multiple of 4 and at least 8. Frequencies of groups fall as 1, 1/2, 1/3, ...
    features
        Length of the vectors, at least 2. Fewer make labels harder to tell apart.
    noise
        Standard deviation of each feature around the centre; with 1 (the default) errors are unavoidable.
    seed
        Seed of the random numbers.

    Examples
    --------
    >>> stream = Synthetic([PlantedDrift("prior", start=500)], seed=1)
    >>> events = list(stream.events(1000))
    >>> first = [sum("a0" in event["labels"] for event in half) for half in (events[:500], events[500:])]
    >>> first[1] > 1.3 * first[0]
    True
    """

    def __init__(
        self,
        drifts: Sequence[PlantedDrift] = (),
        *,
        labels: int = 20,
        features: int = 16,
        noise: float = 1.0,
        seed: int = 0,
    ) -> None:
        if labels < 2 * GROUP or labels % GROUP or features < 2:
            raise ValueError(
                f"Synthetic needs labels as a multiple of {GROUP}, at least {2 * GROUP}, and features in "
                f"[2, inf). Got {labels!r} and {features!r} instead."
            )
        for drift in drifts:
            if drift.kind not in get_args(Kind) or drift.pattern not in get_args(Pattern) or drift.width < 1:
                raise ValueError(
                    f"Got {drift!r}: its kind must be one of {', '.join(get_args(Kind))}, its pattern one of "
                    f"{', '.join(get_args(Pattern))}, its width in [1, inf)."
                )
        self.drifts = tuple(drifts)
        self.labels = labels
        self.noise = noise
        self.seed = seed
        generator = np.random.default_rng([seed, 0])
        self._centres = generator.normal(size=(labels + 1, features)) * 3.0 / features**0.5
        self._centres *= 3.0 / np.linalg.norm(self._centres, axis=1, keepdims=True)
        direction = generator.normal(size=features)
        self._shift = 3.0 * direction / np.linalg.norm(direction)
        weights = 1.0 / np.arange(1, labels // GROUP + 1)
        self._weights = weights / weights.sum()

    def events(self, length: int) -> Iterator[dict[str, Any]]:
        """Yield `length` events in the form of the events topic, but decoded."""
        generator = np.random.default_rng([self.seed, 1])
        for n in range(length):
            levels = self._levels(n, generator)
            meanings = self._meanings(levels, generator)
            yield {
                "id": f"s{self.seed}-{n:07d}",
                "ts": (FIRST_TIME_STAMP + datetime.timedelta(seconds=n)).isoformat(),
                "text": self._text(meanings, levels, generator),
                "vector": self._vector(meanings, levels, generator).tolist(),
                "labels": sorted(self._names(meanings, levels, generator)),
            }

    def _levels(self, n: int, generator: np.random.Generator) -> dict[str, float]:
        levels = dict.fromkeys(get_args(Kind), 0.0)
        for drift in self.drifts:
            levels[drift.kind] = max(levels[drift.kind], drift.level(n, generator.random()))
        return levels

    def _meanings(self, levels: dict[str, float], generator: np.random.Generator) -> list[int]:
        """Return the ids of the labels whose words and centres a message has."""
        weights = self._weights.copy()
        weights[0] *= 1.0 + 7.0 * levels["prior"]
        group = int(generator.choice(len(weights), p=weights / weights.sum()))
        first, meet = int(generator.integers(GROUP)), generator.random() < 0.6
        if group == 0 and first == 0 and generator.random() < levels["death"]:
            first = 1
        # Partners are 0 and 1, 2 and 3; in the new state 0 and 2, 1 and 3.
        other = first ^ (2 if generator.random() < levels["correlation"] else 1)
        if group == 0 and other == 0 and generator.random() < levels["death"]:
            meet = False
        about = [group * GROUP + first] + [group * GROUP + other] * meet
        return about + [self.labels] * (generator.random() < 0.1 * levels["birth"])

    def _names(
        self, meanings: list[int], levels: dict[str, float], generator: np.random.Generator
    ) -> list[str]:
        names = []
        for meaning in meanings:
            # One by one: the first labels of a group change their meaning first.
            swapped = meaning < 2 * GROUP and (meaning % GROUP + 0.5) / GROUP < levels["concept"]
            label = (meaning + GROUP) % (2 * GROUP) if swapped else meaning
            names.append(self.name(label))
            if label < GROUP and generator.random() < levels["taxonomy"]:
                names.append(f"{self.name(label)}/{'xy'[int(generator.integers(2))]}")
        return names

    def name(self, label: int) -> str:
        """Return a label's name: its group's letter and its number in it, or "newborn" after the last one."""
        return "newborn" if label == self.labels else f"{_letters(label // GROUP)}{label % GROUP}"

    def _vector(
        self, meanings: list[int], levels: dict[str, float], generator: np.random.Generator
    ) -> NDArray[np.float64]:
        noise = generator.normal(size=self._centres.shape[1]) * self.noise
        vector: NDArray[np.float64] = (
            self._centres[meanings].sum(axis=0) + noise + levels["input"] * self._shift
        )
        return vector.round(4)

    def _text(self, meanings: list[int], levels: dict[str, float], generator: np.random.Generator) -> str:
        told = [f"{self.name(meaning)}w{generator.integers(WORDS)}" for meaning in meanings for _ in range(4)]
        filling = "new" if generator.random() < levels["input"] else "old"
        return " ".join([*told, *(f"{filling}{generator.integers(WORDS)}" for _ in range(6))])


def _letters(number: int) -> str:
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)
