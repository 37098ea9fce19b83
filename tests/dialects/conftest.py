"""Every story is told in each dialect."""

import pytest

from dialects.drivers import Compat, Native
from dialects.port import Dialect
from installation import Installation


@pytest.fixture(params=[Native, Compat])
def dialect(request: pytest.FixtureRequest, installation: Installation) -> Dialect:
    made: Dialect = request.param(installation)
    return made
