"""A stack for each vendor, started for the first test that wants it."""

import pytest
from httpx import AsyncClient

from calls import WAIT_LIMIT_S
from vendors import VENDORS, Stack


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def stacks(tmp_path_factory):
    """Makes the one stack of a vendor that its peaceful tests share."""
    made = {}

    def stack(vendor) -> Stack:
        if vendor.name not in made:
            made[vendor.name] = Stack(vendor, tmp_path_factory.mktemp(vendor.name))
        return made[vendor.name]

    yield stack
    for stack in made.values():
        stack.end()


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request):
    return request.param


@pytest.fixture
def stack(vendor, stacks) -> Stack:
    return stacks(vendor)


@pytest.fixture
async def http():
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        yield http


def pytest_collection_modifyitems(items):
    """The peaceful tests of a vendor run in one worker, so that they share its stack."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec and "stack" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(callspec.params["vendor"].name))
