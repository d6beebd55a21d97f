/**
 * Moves the pointer: the Systems Manager parameter that names the live manifest nodes run.
 *
 * CloudFormation makes the parameter and never changes it. It is moved at the creation of a cluster, before any node starts, and
 * after that only when every node that the new manifest names is there: a `remote_servers` that names a shard which is still to come, or
 * which a rollback took away again, would fail queries for as long.
 */
export type MovePointer = (parameter: string, key: string) => Promise<void>;

/** The pointer in Systems Manager; the client is loaded with the first move. */
export const movePointer: MovePointer = async (parameter, key) => {
  const { PutParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  await new SSMClient({}).send(new PutParameterCommand({ Name: parameter, Value: key, Overwrite: true }));
};
