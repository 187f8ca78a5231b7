"""Brokers for tests, development and the demo: choosing, starting and stopping them."""

from stream.broker.brokers import (
    ADDRESS_VARIABLE,
    STOP_SECONDS,
    Broker,
    GivenBroker,
    LocalBroker,
    NoBrokerError,
    answers,
    choose,
)
from stream.broker.processes import Process, free_ports, spawn

__all__ = [
    "ADDRESS_VARIABLE",
    "STOP_SECONDS",
    "Broker",
    "GivenBroker",
    "LocalBroker",
    "NoBrokerError",
    "Process",
    "answers",
    "choose",
    "free_ports",
    "spawn",
]
