import type { OpenPgp } from './world';

/** Loads OpenPGP: it takes a while, and a deletion needs none. */
export function loadOpenPgp(): OpenPgp {
  // required and not imported: the module that an import finds asks for its own place in the file system, which no bundle has.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see above
  return require('openpgp') as OpenPgp;
}
