import { AddressSet } from '../addresses/address-set';
import type { KubernetesDoor } from '../kubernetes/kubernetes';
import { findKubernetes } from '../kubernetes/kubernetes';
import type { Judged } from '../judge';
import { blocksOf } from '../network/blocks';
import { port } from '../network/port-range';
import type { Way } from '../paths/ways';
import { gate, Place } from '../paths/ways';
import type { TemplateSet } from '../templates/templates';
import { at } from './fronts';

/** The ClickHouse of Kubernetes clusters. What is between a load balancer and a pod there, the cluster arranges. */
export function kubernetesPlaces(templates: TemplateSet): readonly Judged[] {
  return findKubernetes(templates).map(({ resource, name, evidence, ports, doors }) => ({
    resource,
    ports: ports.map(port),
    evidence: `${name}: ${evidence}`,
    place: new Place(() => [{ gates: resource.doubt === undefined ? [] : [gate('', [{ hop: at(resource, 'manifest', 'may be there'), lets: AddressSet.ALL }])], from: new Place(() => doors.map(wayThrough)) }]),
  }));
}

function wayThrough({ resource, location, detail, open, missing, sources, login, fix }: KubernetesDoor): Way {
  const change = { template: resource.template.path, logicalId: resource.logicalId, location: location ?? 'Properties.Manifest', inside: true as const, words: fix };
  const limits = sources === undefined ? [{ addresses: AddressSet.ALL, words: '', missing: undefined }] : sources.flatMap((source) => blocksOf({ node: source, template: resource.template }));
  const statements = limits.map((block) => ({ lets: block.addresses, change, hop: at(resource, 'Kubernetes service', block.words === '' ? detail : `${detail}, for ${block.words}`, { location, missing: missing ?? block.missing }) }));
  return { level: login === undefined ? undefined : 'login', gates: [gate(detail, open === 'no' ? [] : statements)] };
}
