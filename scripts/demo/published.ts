import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BootManifest, LiveManifest } from '../../lib/config/manifest';
import type { Published } from '../../test/engine/live/cluster';

interface Artefacts {
  readonly Manifests: readonly { readonly Content: string }[];
  readonly Live: { readonly 'Fn::Join': readonly [string, readonly (string | { readonly Ref: string })[]] };
}

/** The manifests of servers and users that the cluster of a synthesised assembly would publish; in the place of a secret's ARN its name in the template. */
export function publishedIn(assembly: string): Published {
  const resources = readdirSync(assembly)
    .filter((file) => file.endsWith('.template.json'))
    .flatMap((file) => Object.values((JSON.parse(readFileSync(join(assembly, file), 'utf8')) as { Resources: Record<string, { Type: string; Properties?: unknown }> }).Resources));
  const [artefacts, ...more] = resources.filter(({ Type }) => Type === 'Custom::ClickHouseArtefacts').map(({ Properties }) => Properties as Artefacts);
  const boot = artefacts?.Manifests.map(({ Content }) => JSON.parse(Content) as BootManifest).find(({ role }) => role === 'server');
  if (artefacts === undefined || boot === undefined || more.length > 0) throw new Error(`${assembly} must have one Custom::ClickHouseArtefacts with the manifest of servers; change scripts/demo/published.ts to follow the library`);
  const [separator, parts] = artefacts.Live['Fn::Join'];
  return { boot, live: JSON.parse(parts.map((part) => (typeof part === 'string' ? part : part.Ref)).join(separator)) as LiveManifest };
}
