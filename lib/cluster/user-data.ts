import { dirname } from 'node:path';
import { PATHS } from '../config/paths';
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
 *
 * Each attempt has a time limit, so that a failure is signalled long before CloudFormation gives up after an hour. Packages are those of the
 * release that the machine image is of, whatever it was told since
 * (https://docs.aws.amazon.com/linux/al2023/ug/deterministic-upgrades-usage.html), and signed. Named is all that the agent runs of it, although most
 * is on every image: e2fsprogs has mkfs.ext4, e2fsck and resize2fs, libcap getcap and setcap, util-linux flock and wipefs.
 */
export function userData(model: UserDataModel): string {
  return `#!/bin/bash
set -euo pipefail
umask 077

token() { curl -sf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token; }
instance_id() { curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $(token)" http://169.254.169.254/latest/meta-data/instance-id; }
again() { # seconds command...
  # the network may come up late, and AWS may be busy.
  local pause
  for pause in 5 10 20 40; do
    timeout -k 10 "$@" && return
    sleep "$pause"
  done
  timeout -k 10 "$@"
}
ended() { # status
  [ "$1" -ne 0 ] || return 0
  echo "clickhouse-node: launch failed with status $1" >&2
  again 60 aws cloudformation signal-resource --region '${model.region}' --stack-name '${model.stackId}' \\
    --logical-resource-id '${model.groupLogicalId}' --unique-id "$(instance_id)" --status FAILURE
}
# on exit rather than on error: an unset variable or a failing function would pass an ERR trap by.
trap 'ended "$?"' EXIT

fetch() { # key sha256 file
  again 60 aws s3api get-object --region '${model.region}' --bucket '${model.bucket}' --key "$1" "$3" >/dev/null
  echo "$2  $3" | sha256sum --check --quiet
}

mkdir -p ${dirname(PATHS.agentIdentity)} ${dirname(PATHS.agentProgram)}
cat > ${PATHS.agentIdentity} <<'${END}'
${model.identity}
${END}

release=$(rpm -q --queryformat '%{VERSION}' system-release)
again 300 dnf install -y --quiet --releasever="$release" --setopt=gpgcheck=1 --setopt='*.gpgcheck=1' nodejs24 nftables e2fsprogs libcap util-linux
fetch '${model.agent.key}' '${model.agent.sha256}' ${PATHS.agentProgram}
fetch '${model.boot.key}' '${model.boot.sha256}' ${PATHS.agentBootManifest}
node-24 ${PATHS.agentProgram} boot --identity ${PATHS.agentIdentity} --manifest ${PATHS.agentBootManifest}
# from here on the service that was started speaks for this node.
trap - EXIT
`;
}
