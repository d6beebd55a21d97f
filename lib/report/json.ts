import type { Hop } from '../exposure/assessment';
import { visibleJson } from './characters';
import type { Report, Finding } from './report';
import { overallVerdict } from './report';

/** The report for programs. Its shape is documented in docs/command-line.md; it only ever gains keys under the same version. */
export function jsonReport(report: Report): string {
  const { assessment, verdicts } = report;
  return `${visibleJson({
    version: 1,
    verdict: overallVerdict(report),
    workloads: assessment.workloads.map(({ resource, evidence, ports, verdict, reason, missing, changes, detours }) => ({
      template: resource.template.path,
      logicalId: resource.logicalId,
      type: resource.type,
      ports,
      verdict,
      evidence,
      reason,
      missing,
      changes: changes.map(({ template, logicalId, location, to, words }) => ({ template, logicalId, location, to, words })),
      detours: detours.map(({ level, certain, path }) => ({ level, certain, path: path.map(hopOf) })),
    })),
    findings: verdicts.map(findingOf),
  })}\n`;
}

function findingOf({ ruleId, severity, template, logicalId, location, message, fix, link, path = [] }: Finding): object {
  return { ruleId, severity, template: template ?? null, logicalId: logicalId ?? null, location, message, fix, link, path: path.map(hopOf) };
}

function hopOf({ kind, template, logicalId, location, detail, missing }: Hop): object {
  return { kind, template, logicalId, location, detail, missing };
}
