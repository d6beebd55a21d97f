import { containsCidr, parseCidr } from '../config/addresses';
import type { AlternativeNames, NameConstraints } from './certificate';

/** The names that constraints do not permit (RFC 5280, section 4.2.1.10). Names of a kind that is not constrained are not permitted either. */
export function outside({ dns, networks }: NameConstraints, names: AlternativeNames): string[] {
  const blocks = networks.map(parseCidr);
  return [
    ...names.dns.filter((name) => !dns.some((zone) => name === zone || name.endsWith(`.${zone}`))),
    ...names.ips.filter((ip) => !blocks.some((block) => containsCidr(block, parseCidr(`${ip}/32`)))),
  ];
}
