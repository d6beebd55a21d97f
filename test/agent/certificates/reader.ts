import { fillHoles } from '../../../lib/config/holes';
import { certificatesDocument } from '../../../lib/config/tls';
import { renderXml } from '../../../lib/config/xml';

/** The document of certificates as the boot manifest has it. */
export const TEMPLATE = renderXml(certificatesDocument());

/** The paths that a document names for the server, as ClickHouse reads them: one after the other, whenever it gets to it. */
export function pathsIn(document: string): { readonly certificate: string; readonly privateKey: string; readonly bundle: string } {
  const path = (element: string): string => new RegExp(`<${element}>([^<]+)</${element}>`).exec(document)?.[1] ?? '';
  return { certificate: path('certificateFile'), privateKey: path('privateKeyFile'), bundle: path('caConfig') };
}

/** The document that names the files of a folder. */
export function documentOf(folder: string): string {
  return fillHoles(TEMPLATE, { certificatePath: `${folder}/node.crt`, privateKeyPath: `${folder}/node.key`, caBundlePath: `${folder}/ca.crt` });
}
