import type { PublishedObject } from './artefacts';

/** What user data hands over. Texts may be tokens. */
export interface UserDataModel {
  /** the identity as JSON. */
  readonly identity: string;
  readonly region: string;
  readonly bucket: string;
  readonly agent: PublishedObject;
  readonly boot: PublishedObject;
  /** whom to signal. */
  readonly stackId: string;
  readonly groupLogicalId: string;
}

// one line that no JSON contains, because JSON texts are quoted.
const END = 'END_OF_IDENTITY';

/**
 * The launch script. It is kept small because it cannot be tested where it runs: it fetches two objects, compares their hashes and
 * hands over to the agent, which is the only one that may signal success. lib/agent/README.md is the contract.
 */
export function userData(model: UserDataModel): string {
  return `#!/bin/bash
set -euo pipefail
umask 077

token() { curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token; }
instance_id() { curl -sf -H "X-aws-ec2-metadata-token: $(token)" http://169.254.169.254/latest/meta-data/instance-id; }
signal_failure() {
  echo "clickhouse-node: launch failed with status $1" >&2
  aws cloudformation signal-resource --region '${model.region}' --stack-name '${model.stackId}' \\
    --logical-resource-id '${model.groupLogicalId}' --unique-id "$(instance_id)" --status FAILURE
}
# on exit rather than on error: an unset variable or a failing function would pass an ERR trap by.
trap 'status=$?; [ "$status" -eq 0 ] || signal_failure "$status"' EXIT

fetch() { # key sha256 file
  aws s3api get-object --region '${model.region}' --bucket '${model.bucket}' --key "$1" "$3" >/dev/null
  echo "$2  $3" | sha256sum --check --quiet
}

mkdir -p /etc/clickhouse-agent /opt/clickhouse-agent
cat > /etc/clickhouse-agent/identity.json <<'${END}'
${model.identity}
${END}

dnf install -y --quiet nodejs24
fetch '${model.agent.key}' '${model.agent.sha256}' /opt/clickhouse-agent/agent.js
fetch '${model.boot.key}' '${model.boot.sha256}' /etc/clickhouse-agent/boot.json
node-24 /opt/clickhouse-agent/agent.js boot --identity /etc/clickhouse-agent/identity.json --manifest /etc/clickhouse-agent/boot.json
`;
}
