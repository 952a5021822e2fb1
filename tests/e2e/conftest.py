"""The deployed system: template.yaml deployed by `sam` to a ministack of our own, real HTTP, real tokens."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from local import stack
from local.ministack import Ministack
from operators.environments import Environment, publish_local
from operators.people import create_user
from tests.conftest import free_port
from tests.support import limits

PASSWORD = "Tests-only-password-1"


@dataclass
class Client:
    """A signed-in person who calls the API as their browser would."""

    api: str
    user_uuid: str
    handle: str
    display_name: str
    email: str
    access_token: str
    id_token: str
    http: requests.Session = field(default_factory=requests.Session)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.access_token}", **options.pop("headers", {})}
        return self.http.request(method, self.api + path, headers=headers, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: object, **options: Any) -> requests.Response:
        return self.request("POST", path, json=body, **options)

    def send(self, **body: str) -> dict[str, Any]:
        """Send with POST /api/messages, which must succeed."""
        response = self.post("/api/messages", body)
        assert response.status_code == 200, response.text
        sent: dict[str, Any] = response.json()
        return sent

    def inbox(self) -> list[dict[str, Any]]:
        response = self.get("/api/message_groups", params={"limit": 100})
        assert response.status_code == 200, response.text
        groups: list[dict[str, Any]] = response.json()
        return groups

    def follow(self, response: requests.Response, relation: str) -> requests.Response | None:
        """Get the page that a Link header of this response leads to, if there is one."""
        if relation not in response.links:
            return None
        path = response.url.removeprefix(self.api).partition("?")[0]
        return self.get(path + response.links[relation]["url"])


@dataclass
class System:
    """A deployed stack and its API."""

    environment: Environment
    api: str
    signing_key: Path
    """The key that signs the user pool's access tokens: a PEM file, made with the first token."""

    def client(self, name: str) -> Any:
        """A boto3 client of the local AWS, as its administrator."""
        return self.environment.client(name)

    def sign_in(self, email: str, client_id: str | None = None, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in; return AccessToken, IdToken and RefreshToken."""
        tokens: dict[str, Any] = self.client("cognito-idp").initiate_auth(
            ClientId=client_id or self.environment.outputs["UserPoolClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )["AuthenticationResult"]
        return tokens

    def person(self, name: str, display_name: str = "") -> Client:
        """Make a new person, signed in. The handle is `name` and a unique suffix."""
        handle = f"{name}_{uuid4().hex[:8]}"
        email = f"{handle}@example.com"
        display_name = display_name or name.title()
        user_uuid = create_user(self.environment, handle, display_name, email, PASSWORD)
        tokens = self.sign_in(email)
        return Client(self.api, user_uuid, handle, display_name, email, tokens["AccessToken"], tokens["IdToken"])


@contextmanager
def deployed(folder: Path, origins: Sequence[str] = (), **parameters: str) -> Iterator[System]:
    """Deploy the template with these parameters to a ministack that keeps its log in `folder`.

    Besides the web client, pages of `origins` may use it. There are no limits but those among the parameters.
    """
    ministack = Ministack(free_port(), folder / "log", origins=origins)
    ministack.start()
    try:
        environment = ministack.place
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(ministack.temporary))  # sam leaves folders there
            stack.build()
            stack.deploy(environment, origins, **{**limits.PARAMETERS, **parameters})
        keys = ministack.temporary / "cognito-pool-keys"
        signing_key = keys / f"{environment.outputs.get('UserPoolId')}-access.pem"
        yield System(environment, stack.api_url(environment), signing_key)
    finally:
        ministack.stop()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with deployed(tmp_path_factory.mktemp("ministack")) as system:
        yield system


@pytest.fixture
def home(system: System, tmp_path: Path) -> Path:
    """A folder with the local system's addresses, as `make run` writes it."""
    publish_local(system.environment, tmp_path / "system.json")
    return tmp_path


@pytest.fixture
def bayko(system: System) -> Client:
    return system.person("bayko")


@pytest.fixture
def londo(system: System) -> Client:
    return system.person("londo")


@pytest.fixture
def eve(system: System) -> Client:
    """A person without conversations."""
    return system.person("eve")


def eventually(what: Callable[[], object], within: float = 120) -> None:
    """Wait until `what` is true: the stream takes a moment. Fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)
