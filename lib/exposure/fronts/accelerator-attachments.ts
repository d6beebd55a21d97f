import { inside, nameOf, placed, scalar } from '../templates/values';
import { arrivals, endpointOf } from './accelerator-endpoints';
import type { Scene } from './fronts';
import { at, passes, removalOf } from './fronts';

/**
 * What other accounts may put behind accelerators of their own, on any port.
 *
 * @see https://docs.aws.amazon.com/global-accelerator/latest/dg/cross-account-resources.html
 */
export function attachments({ templates, graph }: Scene): void {
  for (const attachment of templates.ofType('AWS::GlobalAccelerator::CrossAccountAttachment')) {
    const account = attachment.template.environment.account;
    const others = placed(attachment, 'Principals').filter(({ value }) => {
      const principal = scalar(value);
      return principal.known ? account === undefined || !String(principal.value).includes(account) : !JSON.stringify(value.node).includes('AWS::AccountId');
    });
    if (others.length === 0) continue;
    for (const { value, location } of placed(attachment, 'Resources')) {
      for (const id of inside(value, 'EndpointId')) {
        const endpoint = endpointOf(id);
        if (endpoint === undefined) continue;
        const hop = at(attachment, 'cross-account attachment', `offers ${nameOf(id)} to accelerators of other accounts`, { location, missing: endpoint.missing ?? id.doubt });
        for (const { sender, gates } of arrivals(endpoint.resource, value, true)) graph.deliver({ target: endpoint.target, level: 'account', sender, gates: [passes(hop, removalOf(attachment, location)), ...gates] });
      }
    }
  }
}
