import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { PATHS } from '../config/paths';

/** How a node is told apart from every other instance of the account. */
export interface NodeTag {
  readonly key: string;
  readonly value: string;
}

/** What a command does. */
export interface NodeCommandModel {
  readonly clusterName: string;
  /** completes "Makes nodes of the ClickHouse cluster ... ". */
  readonly description: string;
  readonly commands: readonly string[];
}

/**
 * Defines a command that nodes run when they are told to, by Systems Manager.
 *
 * It takes no parameter: whoever may send it can make a node do this and nothing else.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
 */
export function nodeCommand(parent: Construct, id: string, { clusterName, description, commands }: NodeCommandModel): ssm.CfnDocument {
  // eslint-disable-next-line awscdk/no-variable-construct-id -- each caller has a constant.
  return new ssm.CfnDocument(parent, id, {
    documentType: 'Command',
    documentFormat: 'JSON',
    targetType: '/AWS::EC2::Instance',
    updateMethod: 'NewVersion',
    content: {
      schemaVersion: '2.2',
      description: `Makes nodes of the ClickHouse cluster ${clusterName} ${description}`,
      mainSteps: [{ action: 'aws:runShellScript', name: 'run', inputs: { timeoutSeconds: '600', runCommand: ['set -eu', ...commands] } }],
    },
  });
}

/** A command of the agent; `lib/agent/README.md` has them. */
export function agentCommand(command: 'refresh' | 'revoke'): string {
  return `node-24 ${PATHS.agentProgram} ${command} --identity ${PATHS.agentIdentity}`;
}
