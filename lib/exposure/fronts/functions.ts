import { EVERY_PORT } from '../network/port-range';
import { property, scalar } from '../templates/values';
import { functionsNamed } from './called-functions';
import type { Scene } from './fronts';
import { at, passes } from './fronts';

/**
 * Functions with a URL that asks nobody who they are.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
 */
export function functionUrls({ templates, graph }: Scene): void {
  for (const url of templates.ofType('AWS::Lambda::Url')) {
    const [type] = property(url, 'AuthType');
    const auth = type && scalar(type);
    if (auth?.known && auth.value !== 'NONE') continue;
    for (const { target, missing } of property(url, 'TargetFunctionArn').flatMap((value) => functionsNamed(value, templates))) {
      const hop = at(url, 'function URL', `${url.logicalId} answers anybody: its AuthType is ${auth?.known ? auth.value : 'not known'}`, { location: 'Properties.AuthType', missing: missing ?? type?.doubt ?? (auth?.known ? undefined : (auth?.reason ?? 'its AuthType')) });
      const change = { template: url.template.path, logicalId: url.logicalId, location: 'Properties.AuthType', to: 'AWS_IAM', words: `set AuthType of ${url.logicalId} to AWS_IAM` };
      graph.deliver({ target, port: EVERY_PORT, gates: [passes(hop, change)] });
    }
  }
}
