"""The functions that answer routes of the HTTP API, by `folder.verb_noun`, from template.yaml."""

from pathlib import PurePath

from operators.schema import template


def _routed() -> dict[str, str]:
    found = {}
    for resource in template()["Resources"].values():
        properties = resource["Properties"] if resource["Type"] == "AWS::Serverless::Function" else {}
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                name = f"{PurePath(properties['CodeUri']).name}.{properties['Handler'].partition('.')[0]}"
                found[name] = f"{event['Properties']['Method']} {event['Properties']['Path']}"
    return found


ROUTED = _routed()
