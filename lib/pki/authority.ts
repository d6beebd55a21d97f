import type { Certificate, NameConstraints } from './certificate';
import { KEY_USAGE, OID, parseBundle } from './certificate';
import { DerError } from './der';
import { formComplaints } from './form';
import type { Problem } from './problem';

/** What the parameter with the authority's certificates holds before there is one. */
export const NO_AUTHORITY_YET = 'none yet';

/** A certificate of the cluster's authority, of which everything that matters is known to be there. */
export interface AuthorityCertificate extends Certificate {
  readonly constraints: NameConstraints;
  readonly keyIdentifier: string;
}

/** Reads the certificates of an authority. Validity is not looked at: an old one may stay beside its successor. */
export function parseAuthority(bundle: string): { readonly certificates: readonly AuthorityCertificate[] } | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const complain = (reason: string): number => problems.push({ code: 'UnfitAuthority', reason });
  try {
    const read = parseBundle(bundle);
    for (const certificate of read) for (const complaint of unfit(certificate)) complain(`the authority's certificate ${certificate.serial} ${complaint}`);
    if (new Set(read.map(({ publicKey }) => publicKey)).size < read.length) complain('the authority has two certificates for one key');
    if (problems.length === 0) return { certificates: read.flatMap((each) => complete(each) ?? []) };
  } catch (error) {
    complain(`the authority's certificates cannot be read: ${error instanceof DerError ? error.message : 'malformed'}`);
  }
  return { problems };
}

function complete(certificate: Certificate): AuthorityCertificate | undefined {
  const { nameConstraints, subjectKeyIdentifier } = certificate.extensions;
  if (nameConstraints === undefined || subjectKeyIdentifier === undefined) return undefined;
  return { ...certificate, constraints: nameConstraints, keyIdentifier: subjectKeyIdentifier };
}

function unfit(certificate: Certificate): string[] {
  const { basicConstraints, keyUsage = [], nameConstraints, subjectKeyIdentifier, critical } = certificate.extensions;
  const complaints = formComplaints(certificate);
  const must = (fine: boolean, words: string): void => {
    if (!fine) complaints.push(words);
  };
  must(basicConstraints?.authority === true && critical.includes(OID.basicConstraints), 'is not that of an authority');
  must(basicConstraints?.pathLength === 0, 'lets authorities below it');
  must(keyUsage.includes(KEY_USAGE.keyCertSign) && critical.includes(OID.keyUsage), 'is not for signing certificates');
  must(nameConstraints !== undefined && critical.includes(OID.nameConstraints), 'has no critical name constraints');
  // an empty list would permit every name of its kind.
  must(nameConstraints === undefined || (nameConstraints.dns.length > 0 && nameConstraints.networks.length > 0 && !nameConstraints.others), 'has name constraints that are not host names and IPv4 networks');
  must(subjectKeyIdentifier !== undefined, 'has no key identifier');
  must(certificate.issuer === certificate.subject && certificate.x509.verify(certificate.x509.publicKey), 'is not signed by itself');
  return complaints;
}
