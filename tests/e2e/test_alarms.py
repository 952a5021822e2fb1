"""The alarms and the dashboard, as deployed. ministack's CloudWatch knows no periods: it cannot show when they ring."""

import json

from tests.e2e.conftest import System, eventually
from tests.unit.test_alarms import ALARMS


def test_a_subscriber_of_the_topic_hears_of_every_alarm_and_its_end(system: System) -> None:
    queues, cloudwatch = system.client("sqs"), system.client("cloudwatch")
    queue = queues.create_queue(QueueName="pager")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = system.environment.outputs["AlarmTopicArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    system.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    names = {f"{system.environment.stack}-{name}" for name in ALARMS}

    for state in ("ALARM", "OK"):
        told: set[str] = set()

        def all_are_told(state: str = state, told: set[str] = told) -> bool:
            for message in queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                alarm = json.loads(json.loads(message["Body"])["Message"])
                if alarm["NewStateValue"] == state:
                    told.add(alarm["AlarmName"])
            return told == names

        for name in names:
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        eventually(all_are_told)


def test_the_dashboard_shows_the_deployed_resources(system: System) -> None:
    body = system.client("cloudwatch").get_dashboard(DashboardName=system.environment.stack)["DashboardBody"]

    assert "${" not in body
    assert json.loads(body)["widgets"]
    for name in ("Api", "CreateMessage", "StreamHandler", "Table"):
        assert f'"{system.environment.physical_ids[name]}"' in body
