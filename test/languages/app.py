"""The library from Python: declares users and connects clients of three kinds, across stacks, and synthesises with the policy checks.

Run by .ci/run against the package that jsii-pacmak makes. The second part must be refused, so that the first proves something.
"""
import json
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2, aws_ecs as ecs, aws_lambda as lambda_
from cdk_secure_clickhouse import (
    ClickHouseChecks,
    ClickHouseCluster,
    ClickHouseUser,
    ClickHouseVpcEndpoints,
    Grant,
    Privilege,
    Source,
)

out = sys.argv[1]
app = cdk.App(outdir=out)
stack = cdk.Stack(app, "Events")
vpc = ec2.Vpc(
    stack,
    "Vpc",
    nat_gateways=0,
    subnet_configuration=[ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)],
    flow_logs={"All": ec2.FlowLogOptions()},
)
cluster = ClickHouseCluster(
    stack,
    "ClickHouse",
    vpc=vpc,
    vpc_endpoints=ClickHouseVpcEndpoints(stack, "Endpoints", vpc=vpc),
    replicas=1,
    settings={"remote_url_allow_hosts": ["feeds.example.com"]},
)
events = cluster.add_database("events")
ingest = cluster.add_user(
    "ingest",
    grants=[
        Grant.insert_into(events.tables("*")),
        Grant.of([Privilege.OPTIMIZE], events.tables("raw_*")),
        Grant.read_source(Source.url("https://feeds.example.com/daily/")),
    ],
    rotate_after=cdk.Duration.days(7),
)
reports = cluster.add_user("reports", grants=[Grant.select_from(events.tables("daily"), columns=["day", "visits"])])

above = cdk.Stack(app, "Above")
isolated = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
fn = lambda_.Function(
    above,
    "Function",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="index.handler",
    code=lambda_.Code.from_inline("def handler(event, context): pass"),
    vpc=vpc,
    vpc_subnets=isolated,
)
ingest.grant_connect(fn, fn).assert_success()
task = ecs.FargateTaskDefinition(above, "Task")
task.add_container("client", image=ecs.ContainerImage.from_registry("public.ecr.aws/example/client:1.0.0"))
service = ecs.FargateService(
    above, "Service", cluster=ecs.Cluster(above, "Ecs", vpc=vpc), task_definition=task, vpc_subnets=isolated
)
reports.grant_connect(task.task_role, service).assert_success()

imported = ClickHouseCluster.from_cluster_attributes(
    above, "Imported", cluster_name="other", ca_certificate_parameter_name="/other/ca"
)
ClickHouseUser.from_click_house_user_attributes(above, "Guest", cluster=imported, user_name="guest").grant_connect(fn)

cdk.Validations.of(app).add_plugins(ClickHouseChecks(app))
app.synth()

template = json.loads(Path(out, "Above.template.json").read_text())
rules = [r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::EC2::SecurityGroupIngress"]
ports = sorted(r["FromPort"] for r in rules if r.get("Description", "").startswith("ClickHouse over TLS"))
assert ports == [8443, 8443, 9440, 9440], ports
assert "secretsmanager:GetSecretValue" in json.dumps(template)

# what is refused elsewhere is refused here, with the construct's path.
try:
    cluster.add_user("everywhere", client_cidrs=["0.0.0.0/0"])
except Exception as error:  # jsii has its own exceptions
    assert "must be private" in str(error) and "Events/ClickHouse/Users/everywhere" in str(error), error
else:
    raise AssertionError("a public range was accepted")
print("python: users declared, clients connected, checks passed")
