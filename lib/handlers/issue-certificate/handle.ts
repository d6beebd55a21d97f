import type { CloudFormationEvent, Outcome } from '../cloudformation';
import { establish } from './establish';
import { authorityProperties, certificateProperties } from './event';
import { IssueFailure } from './failure';
import { asFailure, bring, readIssuer } from './issue';
import type { World } from './world';

export const AUTHORITY = 'Custom::ClickHouseAuthority';
export const CERTIFICATE = 'Custom::ClickHouseCertificate';

type Properties = Readonly<Record<string, unknown>>;

/** A custom resource: the authority, or the certificate of one node. Neither is ever replaced, and a deletion does nothing. */
export async function handleResource(event: CloudFormationEvent<Properties>, deadline: number, world: () => Promise<World>): Promise<Outcome> {
  const { ResourceType } = event as { readonly ResourceType?: unknown };
  if (ResourceType !== AUTHORITY && ResourceType !== CERTIFICATE) throw new IssueFailure('BadEvent', `the resource must be a ${AUTHORITY} or a ${CERTIFICATE}, got ${JSON.stringify(ResourceType)?.slice(0, 100)}`);
  const physicalResourceId = event.PhysicalResourceId ?? `${ResourceType === AUTHORITY ? 'authority' : 'certificate'}-of-${event.LogicalResourceId}`;
  if (event.RequestType === 'Delete') return { physicalResourceId };
  try {
    return { physicalResourceId, data: await (ResourceType === AUTHORITY ? authority : certificate)(event, deadline, world) };
  } catch (error) {
    throw asFailure(error);
  }
}

async function authority(event: CloudFormationEvent<Properties>, _deadline: number, world: () => Promise<World>): Promise<Record<string, string>> {
  const properties = authorityProperties(event.ResourceProperties);
  return { ...(await establish(properties, await world())) };
}

async function certificate(event: CloudFormationEvent<Properties>, deadline: number, load: () => Promise<World>): Promise<Record<string, string>> {
  const { Node, Endpoint, Ip, SecretArn, CaParameter, KeyId } = certificateProperties(event.ResourceProperties);
  const world = await load();
  const issuer = await readIssuer(CaParameter, KeyId, world);
  const subject = { node: Node, names: [...new Set([Node, Endpoint])], ip: Ip };
  const { value } = await bring({ kind: 'issue', subject, requestId: event.RequestId }, SecretArn, issuer, world.signer(KeyId), deadline, world);
  return { Serial: value?.serial ?? '', NotAfter: value?.notAfter ?? '' };
}
