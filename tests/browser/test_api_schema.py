"""What the API's description promises, it keeps: requests made up from it, good and bad, and every answer checked."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, seed, settings
from schemathesis.checks import CHECKS, load_all_checks

from engine.database import Database
from engine.settings import Settings
from tests.browser.api_app import finish, key_of, make_app
from tests.conftest import make_cast
from tests.engine.driving import request

SEED = int(os.environ.get("EASEL_SEED", "20261120"))
EXAMPLES = 25

load_all_checks()
ACCEPTS_ALL = CHECKS.get_by_names(["positive_data_acceptance"])
"""No schema can say which model has which size, or that the words are allowed: 422 is an answer to a good wish."""


class Door:
    """Stands in the place of the app, which is another one in each test: operations are known before there is any."""

    app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


def describe():
    nobodys = Settings(_env_file=None, database_url="sqlite:////nowhere/easel.db")
    app = make_app(Database(nobodys), nobodys.data)
    described = schemathesis.openapi.from_dict(app.openapi())
    described.app = Door()
    app.state.front.close()
    return described


description = describe()


@pytest.fixture
def alice(new_database, tmp_path):
    database = new_database(request_seconds=0, running_per_account=100_000, running_total=100_000)
    description.app.app = make_app(database, tmp_path)
    alice = make_cast(database).alice
    print(f"EASEL_SEED={SEED}")
    finish(database, request(database, alice).id)
    yield key_of(database, alice)
    description.app.app.state.front.close()


@description.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@seed(SEED)
def test_the_api_keeps_its_promises(case, alice):
    excluded = ACCEPTS_ALL if case.method == "POST" else []
    case.call_and_validate(headers=alice, excluded_checks=excluded)
