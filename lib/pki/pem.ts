const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates in a text, PEM, and what else is in it. */
export function certificatesIn(text: string): { readonly blocks: readonly string[]; readonly rest: string } {
  return { blocks: text.match(BLOCK) ?? [], rest: text.replace(BLOCK, '').trim() };
}

/** A certificate in PEM, with a line end after the last line. */
export function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
