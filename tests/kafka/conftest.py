"""A broker for the tests of one worker, a client to fill topics with, and projects that read them.

Topics are new for every test, so that tests share the broker but no record."""
import importlib.util
import pathlib
import sys

import pytest

from broker import Broker
from client import Client, point_to

TESTS = pathlib.Path(__file__).parent.parent
sys.path.append(str(TESTS / "e2e"))  # events.py
spec = importlib.util.spec_from_file_location("tests_conftest", TESTS / "conftest.py")  # this file's name hides the other
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
program, clean_environment, TIMEOUT, ROOT = shared.program, shared.clean_environment, shared.TIMEOUT, shared.ROOT


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    running = Broker(tmp_path_factory.mktemp("kafka") / "broker").start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def kafka(broker):
    return Client(broker)


@pytest.fixture
def kafka_project(new_project, broker):
    """kafka_project("topic", on_gap="continue") -> folder of a telecom project that reads it."""

    def make(topics, name="telecom", address=None, **source):
        return point_to(new_project(name), address or broker.address, topics, **source)

    return make
