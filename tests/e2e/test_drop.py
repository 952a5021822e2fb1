"""bin/ddb/drop and deletion protection: DynamoDB Local has none, so this is tried on ministack."""

import json
import os
import subprocess
from pathlib import Path
from uuid import uuid4

from operators.schema import create_table_request
from tests.e2e.conftest import System

_DROP = Path(__file__).parents[2] / "bin" / "ddb" / "drop"


def test_a_protected_table_is_not_dropped_until_the_protection_is_lifted(system: System, tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text(json.dumps({"endpoint": system.place.endpoint}))
    client = system.client("dynamodb")
    name = f"protected-{uuid4()}"
    client.create_table(**create_table_request(name), DeletionProtectionEnabled=True)

    def drop() -> tuple[int, str]:
        done = subprocess.run(
            [_DROP, name, "local"],
            env={**os.environ, "CRUDDUR_LOCAL": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    returncode, said = drop()
    assert returncode == 2
    assert "--no-deletion-protection-enabled" in said
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert drop() == (0, f"{name} is deleted.\n")
