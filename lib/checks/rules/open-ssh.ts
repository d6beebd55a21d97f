import { findEntries, openingInWords, openingOf, sourcesOf } from '../ingress';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';

const LOGINS = [22, 3389];

// what runs behind the groups of other owners (load balancers, tasks with an interface of their own) has no machine to log in to.
const MACHINES = new Set(['Instance', 'LaunchTemplate', 'NetworkInterface', 'SecurityGroup'].map((each) => `AWS::EC2::${each}`)).add('AWS::AutoScaling::LaunchConfiguration');

/** Said beside ClickHouse-OpenIngress where one entry opens both: whoever acknowledges an open database has not acknowledged an open shell. */
export const openSsh: Rule = {
  id: 'ClickHouse-OpenSsh',
  severity: 'error',
  info: 'a security group of a ClickHouse host admits addresses that are not private to SSH or Remote Desktop',
  explanation: 'Whoever logs in to the machine has the data, whatever ClickHouse asks for: one leaked key or one hole in sshd is enough. The Systems Manager and EC2 Instance Connect Endpoint need no open port and record who was there.',
  fix: 'remove the entry and log in through AWS Systems Manager Session Manager or an EC2 Instance Connect Endpoint',
  link: 'https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager.html',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const entriesOf = findEntries(templates, 'Ingress');
    for (const [group, uses] of workloads.securityGroups) {
      const owner = uses.map((use) => use.owner).find((each) => MACHINES.has(each.type));
      if (owner === undefined) continue;
      for (const { resource, value, location } of entriesOf(group)) {
        const opening = openingOf(value, LOGINS);
        if (opening === undefined) continue;
        const what = `${openingInWords(opening, [22])} of the machine of ClickHouse (${owner.logicalId}) open to`;
        for (const source of sourcesOf(value)) {
          yield finding(resource, source.public ? `${what} ${source.words}` : `${what} an address that cannot be told at synthesis: ${source.words}`, { location });
        }
      }
    }
  },
};
