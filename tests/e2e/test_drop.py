"""bin/ddb/drop and deletion protection, on ministack, since DynamoDB Local has no protection."""

from pathlib import Path
from uuid import uuid4

from operators.schema import create_table_request
from tests.e2e.conftest import System
from tests.support.scripts import run_script


def test_a_protected_table_is_not_dropped_until_the_protection_is_lifted(system: System, home: Path) -> None:
    client = system.client("dynamodb")
    name = f"protected-{uuid4()}"
    client.create_table(**create_table_request(name), DeletionProtectionEnabled=True)

    def drop() -> tuple[int, str]:
        done = run_script("ddb/drop", name, "local", CRUDDUR_LOCAL=str(home))
        return done.returncode, done.stdout + done.stderr

    returncode, said = drop()
    assert returncode == 2
    assert "--no-deletion-protection-enabled" in said
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    assert drop() == (0, f"{name} is deleted.\n")
