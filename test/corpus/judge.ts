import type { AssessOptions } from '../../lib/exposure/assess';
import { assess } from '../../lib/exposure/assess';
import type { Assessment } from '../../lib/exposure/assessment';
import type { TemplateSource } from '../../lib/exposure/templates/templates';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import type { Case } from './case';

/** The templates of a case as they are read from files. */
export function sourcesOf(templates: Case['templates']): TemplateSource[] {
  // as JSON has it: what is undefined is not there.
  return Object.entries(templates).map(([path, body]) => ({ path, body: JSON.parse(JSON.stringify(body)) as unknown }));
}

/** What the analysis says of a case. */
export function judge(templates: Case['templates'], parameters: Case['parameters'] = {}, options: AssessOptions = {}): Assessment {
  return assess(new TemplateSet(sourcesOf(templates), { parameters: new Map(Object.entries(parameters)) }), options);
}
