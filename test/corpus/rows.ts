import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AwsSolutionsFindings } from './aws-solutions';
import { AwsSolutions } from './aws-solutions';
import type { CheckovResults } from './checkov';
import { judge } from './judge';
import type { Pair, Subject } from './subjects';
import { PAIRS } from './subjects';

/** What the three tools say of one set of templates. */
export interface Opinion {
  readonly label: Subject['label'];
  readonly why: string;
  readonly ours: string;
  readonly awsSolutions: AwsSolutionsFindings;
  readonly checkov: readonly string[];
}

export interface Row {
  readonly layer: string;
  readonly name: string;
  readonly original: Opinion;
  readonly twin?: Opinion;
}

/** Runs this tool and AwsSolutions over the whole corpus, and puts beside them what checkov said of it. */
export function rows(checkov: CheckovResults, pairs: readonly Pair[] = PAIRS): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
  try {
    const awsSolutions = new AwsSolutions(folder);
    const opinion = (subject: Subject, said: readonly string[] = []): Opinion => ({
      label: subject.label,
      why: subject.why,
      ours: judge(subject.templates, subject.parameters).verdict,
      awsSolutions: awsSolutions.look(subject),
      checkov: said,
    });
    return pairs.map(({ layer, name, original, twin }) => ({
      layer,
      name,
      original: opinion(original, checkov.results[name]?.original),
      twin: twin && opinion(twin, checkov.results[name]?.twin),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
