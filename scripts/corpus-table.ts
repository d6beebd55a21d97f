// `npm run corpus-table`: writes docs/corpus.md, what this tool, AwsSolutions and checkov say of every case of test/corpus.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outdated, readCheckov } from '../test/corpus/checkov';
import { rows } from '../test/corpus/rows';
import { page } from '../test/corpus/table';

const checkov = readCheckov();
const missing = outdated(checkov);
if (missing.length > 0) {
  console.error(`checkov has not seen these cases as they are now, run npm run corpus-checkov -- CHECKOV first: ${missing.join(', ')}`);
  process.exit(1);
}
writeFileSync(join(__dirname, '..', 'docs', 'corpus.md'), page(rows(checkov), checkov.version));
