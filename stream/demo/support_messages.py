"""A synthetic stream for demonstrations: messages to a help desk, with the labels that agents gave them.

Its changes are known, so that their detection can be watched. Positions are fractions of the `span`:

* 0.30: a new label appears (`voice-assistant`), with words of its own;
* 0.40 to 0.80: a label fades (`store-pickup`);
* 0.60: concept drift. The delivery service changes: messages about parcels are now labelled `returns`,
  and messages about returns `delivery`. It drifts back after another 0.60, and so on for ever.

One in 50 messages has no labels (predict only) and one in 400 is broken (a dead letter). Messages are
sometimes vague, and one in 25 labellings is wrong: no learner can predict all of them.
"""

from __future__ import annotations

import datetime
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

APPEARS, FADES, GONE, DRIFTS = 0.30, 0.40, 0.80, 0.60


class Chapter(NamedTuple):
    """What happens in the stream from a position on, and the dashboard's view that shows it."""

    begins: float
    text: str
    view: str


BROKEN = 400
"""One in so many messages is broken on purpose and becomes a dead letter."""
STORY = (
    Chapter(
        0.0,
        "Nothing is known yet, and every label is new: the scores rise. "
        f"One event in {BROKEN} is broken on purpose, and becomes a dead letter.",
        "overview",
    ),
    Chapter(
        APPEARS, "“voice-assistant” appears, a label with words of its own.", "labels?label=voice-assistant"
    ),
    Chapter(FADES, "“store-pickup” begins to fade, slowly.", "labels?label=store-pickup"),
    Chapter(DRIFTS, "“delivery” and “returns” swap their meanings: scores fall, and recover.", "drift"),
    Chapter(GONE, "“store-pickup” is gone.", "labels?label=store-pickup"),
)
"""The known changes of the first span, in order."""


def chapters(place: float) -> list[Chapter]:
    """Return what has happened by a position, as a fraction of the span, in order.

    Examples
    --------
    >>> [each.begins for each in chapters(0.5)]
    [0.0, 0.3, 0.4]
    """
    swaps = range(2, int(place / DRIFTS) + 1)
    again = [Chapter(n * DRIFTS, f"“delivery” and “returns” swap {_way(n)}.", "drift") for n in swaps]
    return [each for each in STORY if each.begins <= place] + again


def _way(swaps: int) -> str:
    return "again" if swaps % 2 else "back"


# Alternative phrases, separated by bars.
OPENINGS = (
    "Hello,|Hi there,|Good morning,|Third time I write:|Please help.|Dear team,|Quick question:|"
    "Not happy at all.|Hope you are well.|I am writing about a problem:|"
    "Since yesterday there is trouble:"
)
CLOSINGS = (
    "Please get back to me.|Thanks in advance.|I expect an answer today.|Can you look into it?|"
    "Order number {number}.|Kind regards, {name}|What should I do?|My account is {number}.|"
    "I have attached a screenshot.|{name}, customer since {year}|You can call me after six.|"
)
NAMES = "Amira|Jonas|Lucia|Tom|Wen|Olga|Mateo|Priya|Sara|Ben|Chidi|Freya"

TOPICS = {
    "delivery": (
        "my parcel|the courier|the tracking page|the shipment|the driver|my package",
        "has not arrived|left it with a neighbour I do not know|shows no movement since Monday|"
        "went to the wrong address|is stuck at the depot|came two days late",
    ),
    "returns": (
        "the return label|the parcel I sent back|the exchange|the return form|my return|the size",
        "does not print|has not been registered|is still not confirmed|"
        "does not fit and has to go back|was refused by the shop|asks for a receipt I do not have",
    ),
    "refund": (
        "the money|my refund|the credit note|the amount|the reimbursement",
        "is not back on my card|was promised for last week|is lower than what I paid|"
        "went to an old bank account|is missing on the statement",
    ),
    "billing": (
        "the invoice|your bill|the direct debit|the monthly fee|the VAT|my subscription",
        "was charged twice|shows the wrong company name|went up without notice|"
        "is not what we agreed|was taken before the due date|cannot be downloaded",
    ),
    "login": (
        "my password|the sign-in page|the confirmation code|my account|the reset mail",
        "does not work any more|is locked after three attempts|never reaches my inbox|"
        "says unknown user|keeps asking me again",
    ),
    "fraud": (
        "someone|a stranger|an order I never placed|a login from abroad|a phishing mail",
        "used my card|changed my address|showed up in my history|asks for my PIN in your name|"
        "took over my profile",
    ),
    "outage": (
        "the website|checkout|the whole service|your server|the search",
        "is down|returns error 503|times out for everybody here|has been unreachable since noon|"
        "shows a blank page",
    ),
    "mobile-app": (
        "the app|the Android version|the iPhone update|the push message|the barcode scanner",
        "crashes on start|drains my battery|freezes after the update|logs me out every hour|"
        "does not open links",
    ),
    "product": (
        "the blender|the lamp|the headphones|the backpack|the coffee machine|the jacket",
        "arrived broken|makes a strange noise|has a different colour than shown|stopped working|"
        "smells of plastic|lacks a screw",
    ),
    "store-pickup": (
        "the pickup counter|the collection point|the shop on Main Street|the locker|the clerk",
        "could not find my order|was closed during opening hours|did not accept my pickup code|"
        "gave it to someone else",
    ),
    "voice-assistant": (
        "the voice assistant|the smart speaker skill|the spoken order|the wake word|voice shopping",
        "orders things nobody asked for|does not understand my accent|plays an advert at night|"
        "cannot be switched off|misheard the quantity",
    ),
}
"""Subjects and complaints per topic."""

VAGUE = (
    "it|this|that thing|your service|what you promised|something",
    "does not work|is wrong|is not what I expected|is a problem|is still like that",
)
"""Subjects and complaints of messages that do not name their topic."""

SITUATIONS = {
    ("delivery",): 12,
    ("delivery", "complaint"): 6,
    ("returns",): 9,
    ("returns", "refund"): 8,
    ("refund", "complaint"): 5,
    ("billing",): 9,
    ("billing", "refund"): 4,
    ("login",): 9,
    ("login", "mobile-app"): 5,
    ("login", "fraud", "urgent"): 4,
    ("fraud", "billing", "urgent"): 3,
    ("outage", "urgent"): 5,
    ("outage", "mobile-app", "urgent"): 3,
    ("mobile-app",): 8,
    ("product",): 10,
    ("product", "returns", "complaint"): 6,
    ("store-pickup",): 8,
    ("voice-assistant",): 5,
    ("voice-assistant", "billing"): 4,
}
"""Relative frequency of label sets; sets that are absent at present are left out."""

MOODS = {
    "complaint": "This is unacceptable.|I am really disappointed.|Never again.|I will tell everyone.",
    "urgent": "It is urgent!|Please act immediately.|We lose money every minute.|This cannot wait.",
}
"""Labels without a topic, expressed by an extra sentence."""

MENTIONED = ("delivery", "billing", "mobile-app", "product", "outage")
SWAPPED = {"delivery": "returns", "returns": "delivery"}


def messages(span: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the values of the event topic, without end; equal arguments give equal bytes.

    Parameters
    ----------
    span
        Messages over which the changes happen; see the module. Short ones leave no time to learn: below
        about 2,000 the drift comes before there is anything to forget.
    seed
        Seed of all random choices.

    Examples
    --------
    >>> import itertools, json
    >>> first = next(messages(span=1000))
    >>> sorted(json.loads(first))
    ['id', 'labels', 'text', 'ts']
    >>> list(itertools.islice(messages(1000), 5)) == list(itertools.islice(messages(1000), 5))
    True
    """
    chance = random.Random(seed)
    start = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.UTC)
    for number in itertools.count():
        labels = _situation(chance, number / span)
        event: dict[str, Any] = {
            "id": f"ticket-{number:07d}",
            "ts": (start + datetime.timedelta(seconds=20 * number)).isoformat(),
            "text": _text(chance, [_meaning(label, number / span) for label in labels]),
        }
        if chance.random() >= 1 / 50:
            event["labels"] = sorted(_given(chance, labels))
        value = json.dumps(event).encode()
        yield value[: len(value) // 2] if chance.random() < 1 / BROKEN else value


def _situation(chance: random.Random, place: float) -> tuple[str, ...]:
    weights = [
        weight * min(_presence(label, place) for label in labels) for labels, weight in SITUATIONS.items()
    ]
    return chance.choices(list(SITUATIONS), weights)[0]


def _given(chance: random.Random, labels: tuple[str, ...]) -> set[str]:
    """Return the labels that an agent gives: occasionally one is omitted or replaced."""
    if chance.random() >= 1 / 25:
        return set(labels)
    return set(chance.sample(labels, len(labels) - 1)) or {chance.choice(tuple(MOODS))}


def _presence(label: str, place: float) -> float:
    if label == "voice-assistant":
        return float(place >= APPEARS)
    if label == "store-pickup":
        return min(1.0, max(0.0, (GONE - place) / (GONE - FADES)))
    return 1.0


def _meaning(label: str, place: float) -> str:
    """Return the topic whose words express a label at this position."""
    return SWAPPED.get(label, label) if int(place / DRIFTS) % 2 else label


def _text(chance: random.Random, topics: list[str]) -> str:
    told = [_one(chance, MOODS[topic]) if topic in MOODS else _complaint(chance, topic) for topic in topics]
    if chance.random() < 0.1:
        # Messages also mention topics that they are not about.
        told.append(f"By the way, {_one(chance, TOPICS[chance.choice(MENTIONED)][0])} is fine now.")
    closing = _one(chance, CLOSINGS).format(
        number=chance.randrange(10_000, 99_999), name=_one(chance, NAMES), year=chance.randrange(2009, 2026)
    )
    return " ".join([_one(chance, OPENINGS), *told, closing]).strip()


def _complaint(chance: random.Random, topic: str) -> str:
    what, trouble = (
        usual if chance.random() < 0.7 else vague for usual, vague in zip(TOPICS[topic], VAGUE, strict=True)
    )
    told = f"{_one(chance, what)} {_one(chance, trouble)}."
    return told[0].upper() + told[1:]


def _one(chance: random.Random, phrases: str) -> str:
    return chance.choice(phrases.split("|"))
