"""The packages as they would be published: types that agree with openapi.yaml and asyncapi.yaml, files, one version."""

import json
import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support import packages
from tests.support.asyncapi import ASYNCAPI
from tests.support.openapi import OPENAPI
from tests.support.packages import JAVASCRIPT, PYTHON, REACT, ROOT

Schema = dict[str, Any]
DOCUMENTS = {"openapi.yaml": OPENAPI, "asyncapi.yaml": ASYNCAPI}
# Types of the client and schemas. What the server sends is exactly what the client knows.
RECEIVED = {
    "BlockedPerson": ("openapi.yaml", "BlockedUser"),
    "CanWrite": ("openapi.yaml", "CanWrite"),
    "ConversationEntry": ("openapi.yaml", "MessageGroup"),
    "HiddenMessage": ("openapi.yaml", "HiddenMessage"),
    "ListedChange": ("openapi.yaml", "MessageChange", "HiddenMessages"),
    "Message": ("openapi.yaml", "Message"),
    "Person": ("openapi.yaml", "User"),
    "Profile": ("openapi.yaml", "Me"),
    "SentMessage": ("openapi.yaml", "SentMessage"),
    "ServerEvent[]": ("asyncapi.yaml", "Events"),
    "UnreadTotals": ("openapi.yaml", "Totals"),
}
# What the client sends is one of those that the server takes.
SENT = {
    "Frame": ("asyncapi.yaml", "Frame"),
    "Mark": ("openapi.yaml", "Mark"),
    "NewReport": ("openapi.yaml", "NewReport"),
    "NewMessage": ("openapi.yaml", "MessageToConversation", "MessageToPerson"),
}
COMPARISONS = """
type Members<T> = { [Name in keyof T as T[Name] extends undefined ? never : Name]: Flat<T[Name]> };
type Flat<T> = T extends (infer Item)[] ? Flat<Item>[] : T extends object ? Members<T> : T;
export type Equal<A, B> =
  (<T>() => T extends Flat<A> ? 1 : 2) extends (<T>() => T extends Flat<B> ? 1 : 2) ? true : false; // also if optional
export type Fits<A, B> = A extends B ? true : false;
export type Expect<T extends true> = T;
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.node_project(tmp_path_factory.mktemp("project"))


def test_types_are_those_of_the_documents(tmp_path: Path) -> None:
    names = sorted({name.removesuffix("[]") for name in [*RECEIVED, *SENT]})
    lines = [f'import type {{ {", ".join(names)} }} from "{JAVASCRIPT}/src/types.js";', COMPARISONS]
    for relation, types in {"Equal": RECEIVED, "Fits": SENT}.items():
        for number, (name, (file, *schemas)) in enumerate(types.items()):
            described = " | ".join(written(file, schema) for schema in schemas)
            lines.append(f"export type {relation}{number} = Expect<{relation}<{name}, {described}>>; // {name}")
    (tmp_path / "comparison.ts").write_text("\n".join(lines))

    checked(tmp_path, "comparison.ts")


def written(file: str, schema: str) -> str:
    """A schema as TypeScript."""
    return _written(DOCUMENTS[file]["components"]["schemas"], {"$ref": f"#/components/schemas/{schema}"})


def _written(schemas: dict[str, Schema], schema: Schema) -> str:
    match schema:
        case {"$ref": reference}:
            return _written(schemas, schemas[reference.rpartition("/")[2]])
        case {"oneOf": choices} | {"anyOf": choices}:
            return " | ".join(_written(schemas, choice) for choice in choices)
        case {"const": value}:
            return json.dumps(value)
        case {"enum": values}:
            return " | ".join(map(json.dumps, values))
        case {"type": list(kinds)}:
            return " | ".join(_written(schemas, {**schema, "type": kind}) for kind in kinds)
        case {"type": "object", "properties": properties}:
            optional = properties.keys() - schema.get("required", ())
            members = (
                f"{name}{'?' * (name in optional)}: {_written(schemas, properties[name])}" for name in properties
            )
            return f"{{ {'; '.join(members)} }}"
        case {"type": "array", "items": items}:
            return f"({_written(schemas, items)})[]"
        case {"type": kind}:
            return "number" if kind == "integer" else str(kind)
    return "unknown"


def checked(folder: Path, file: str) -> None:
    """Check the types of a file, strictly, as an editor would."""
    (folder / "tsconfig.json").write_text(
        json.dumps(
            {
                "compilerOptions": {
                    "strict": True,
                    "noEmit": True,
                    "allowJs": True,
                    "target": "es2024",
                    "module": "esnext",
                    "moduleResolution": "bundler",
                    "lib": ["es2024", "dom"],
                    "types": [],
                },
                "include": [file],
            }
        )
    )
    packages.tool("tsc", "--pretty", "false", folder=folder)


USE = """
import { connect, type Conversation, type Message, SignedOut } from "cruddur-messages";
import { browser } from "cruddur-messages/browser";
import { useConversation, useInbox, useUnread } from "cruddur-messages-react";

const client = await connect({ api: "", token: async ({ renew }) => (renew ? "new" : "old"), platform: browser() });
const end: () => void = client.store.on("change", ({ kind, uuid }) => console.log(kind, uuid));
const inbox: Conversation[] = client.store.inbox;
const sent: string = client.send({ handle: "londo" }, "Hello");
const { messages }: { messages: Message[] } = useConversation(client, inbox[0].uuid);
const counts: number[] = [useUnread(client).messages, ...useInbox(client).conversations.map(({ unread }) => unread)];
console.log(end, sent, messages, counts, new SignedOut());
// @ts-expect-error a recipient is a handle or a conversation
client.send("londo", "Hello");
// @ts-expect-error there is no such event
client.store.on("changed", () => {});
"""


def test_an_empty_project_has_the_types(project: Path) -> None:
    (project / "use.ts").write_text(USE)

    checked(project, "use.ts")


@pytest.mark.parametrize("package", [JAVASCRIPT, REACT])
def test_npm_publishes_modules_types_readme_and_licence(project: Path, package: Path) -> None:
    installed = project / "node_modules" / json.loads((package / "package.json").read_text())["name"]
    modules = {path.name for path in (package / "src").glob("*.js")}
    types = {f"{path.stem}.d.ts" for path in (package / "src").iterdir()}

    assert {path.name for path in installed.iterdir()} == {"LICENSE", "README.md", "package.json", "src", "types"}
    assert {path.name for path in (installed / "src").iterdir()} == modules
    assert {path.name for path in (installed / "types").iterdir()} == types
    assert (installed / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_python_publishes_modules_readme_and_licence(tmp_path: Path) -> None:
    interpreter = packages.python_project(tmp_path)
    program = "import importlib.metadata as m; print(*m.files('cruddur-messages-client'), sep='\\n')"
    installed = packages.run(interpreter, "-c", program).split()

    modules = {path.name for path in (PYTHON / "src" / "cruddur_messages").iterdir() if path.is_file()}
    assert modules <= {name.removeprefix("cruddur_messages/") for name in installed}
    assert any(name.endswith("LICENSE") for name in installed)
    (source,) = (tmp_path / "built").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        assert {"README.md", "LICENSE", "pyproject.toml"} <= {Path(name).name for name in archive.getnames()}
    assert (PYTHON / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_all_have_the_version_of_the_changelog() -> None:
    released = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    versions = {
        folder.name: tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"]
        for folder in (ROOT, PYTHON)
    }
    manifests = [json.loads((folder / "package.json").read_text()) for folder in (JAVASCRIPT, REACT)]

    assert {*versions.values(), *(manifest["version"] for manifest in manifests)} == {released}
    assert manifests[1]["peerDependencies"]["cruddur-messages"] == released
