import { AddressSet } from './address-set';

/**
 * What no router on the internet forwards: the entries of the special-purpose registries that are not marked as globally reachable (so those
 * as well that say neither: Teredo, 6to4 and its relays, the first ORCHID), and multicast.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml
 */
const SPECIAL = AddressSet.of(
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24',
  '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  '::/128', '::1/128', '::ffff:0:0/96', '64:ff9b:1::/48', '100::/64', '100:0:0:1::/64', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '5f00::/16',
  'fc00::/7', 'fe80::/10', 'ff00::/8',
);

// what the registries except: anycast of protocols, in blocks that are otherwise special.
const EXCEPTED = AddressSet.of('192.0.0.9/32', '192.0.0.10/32', '2001:1::1/128', '2001:1::2/128', '2001:1::3/128', '2001:3::/32', '2001:4:112::/48', '2001:20::/28', '2001:30::/28');

/** Every address from which a packet may arrive over the internet. */
export const INTERNET = AddressSet.ALL.minus(SPECIAL.minus(EXCEPTED));
export const INTERNET_V4 = INTERNET.intersect(AddressSet.ALL_V4);
export const INTERNET_V6 = INTERNET.intersect(AddressSet.ALL_V6);
