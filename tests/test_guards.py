"""No question takes much more than twice as long for twice the input."""

import pytest

from tests.benchmarks.guards import GUARDS


@pytest.mark.slow
@pytest.mark.parametrize("name", GUARDS)
def test_time_grows_about_linearly(name):
    assert GUARDS[name].growth() <= GUARDS[name].most
