import { readScript } from '../scripts';
import { kubernetesTold } from './kubernetes';
import { keysIn, textsOf, userDataTexts } from './marks';
import type { Entry, Told } from './model';
import { entriesOf, isConfiguration, NOTHING } from './model';
import { variablesIn } from './variables';
import { documentIn } from '../../exposure/kubernetes/reading';
import type { Located, Resource, TemplateSet } from '../../exposure/templates/templates';
import { append, isDictionary } from '../../exposure/templates/templates';
import { elements, inside, items, literalText, property, resourceIdentity } from '../../exposure/templates/values';
import type { Workloads } from '../../exposure/workloads/workloads';
import { hostProperty } from '../../exposure/workloads/workloads';
import type { Deployment } from '../rule';

const read = new WeakMap<TemplateSet, readonly Told[]>();

/** All that is told how to log in to ClickHouse, server or client. Several rules ask; it is read once. */
export function toldIn({ templates, workloads }: Deployment): readonly Told[] {
  const known = read.get(templates) ?? [...machines(templates, workloads), ...containers(templates, workloads), ...functions(templates, workloads), ...kubernetesTold(templates)];
  read.set(templates, known);
  return known;
}

/** Whether a value is about ClickHouse: it says so, or refers to a ClickHouse of the templates. */
function isAbout(workloads: Workloads): (value: string) => boolean {
  const isOurs = isOursIn(workloads);
  return (value) => /clickhouse|\bjdbc:ch:/i.test(value) || keysIn(value).some(isOurs);
}

/** Whether the key of a mark is that of a ClickHouse of the templates, or of what stands in front of one. */
export function isOursIn({ evidence }: Workloads): (key: string) => boolean {
  const all = new Set([...evidence.keys()].map((resource) => resourceIdentity(resource)));
  // behind the logical id, which has no dots, is the attribute.
  return (key) => all.has(key) || all.has(key.replace(/(#[A-Za-z0-9]{1,300})\.[\w.]{1,100}$/, '$1'));
}

const MACHINES = ['AWS::EC2::Instance', 'AWS::EC2::LaunchTemplate', 'AWS::AutoScaling::LaunchConfiguration'];

function machines(templates: TemplateSet, workloads: Workloads): readonly Told[] {
  const servers = new Set(workloads.hosts);
  const says = isAbout(workloads);
  return templates.ofType(...MACHINES).flatMap((resource): readonly Told[] => {
    const isServer = servers.has(resource);
    const entries = initEntries(resource);
    const texts = [...hostProperty(resource, 'UserData').flatMap(userDataTexts), ...entries.flatMap(linesOf)];
    const text = texts.join('\n');
    if (!isServer && !says(text)) return [];
    const script = readScript(text);
    return [{ resource, words: `the start-up script of ${resource.logicalId}`, isServer, variables: variablesIn(script), secrets: new Map(), script, isShell: true, hasConfiguration: text.includes('/etc/clickhouse-server') || text.includes('/bitnami/clickhouse/etc'), entries }];
  });
}

/** What cfn-init does there; https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-init.html */
function initEntries({ metadata, template }: Resource): readonly Entry[] {
  const init = metadata['AWS::CloudFormation::Init'];
  if (init === undefined) return [];
  const document = documentIn({ node: init, template });
  return 'reason' in document ? [] : entriesOf(document.node);
}

/** As a script would say it: commands, contents of files with their names, and variables. */
function linesOf({ name, path, text }: Entry): readonly string[] {
  if (/^[A-Z][A-Z0-9_]*$/.test(name)) return [`${name}="${text}"`];
  const [, file] = /\.(\/[^\n]*)\.content$/.exec(path) ?? [];
  return file === undefined ? [text] : [file, text];
}

function containers(templates: TemplateSet, workloads: Workloads): readonly Told[] {
  const servers = new Set(workloads.containers.map(({ definition }) => definition.node));
  const says = isAbout(workloads);
  return templates.ofType('AWS::ECS::TaskDefinition').flatMap((resource) =>
    elements(resource, 'ContainerDefinitions').flatMap((definition): readonly Told[] => {
      const isServer = servers.has(definition.node);
      const listed = (name: string): readonly Located[] => inside(definition, name).flatMap((each) => items(each));
      const variables = new Map<string, string[]>();
      for (const each of listed('Environment')) {
        // one without a value is empty.
        const values = inside(each, 'Value').flatMap(textsOf);
        for (const name of inside(each, 'Name').map(literalText)) for (const value of values.length > 0 ? values : ['']) append(variables, name, value);
      }
      const secrets = new Map<string, Located[]>();
      for (const each of listed('Secrets')) for (const name of inside(each, 'Name').map(literalText)) for (const from of inside(each, 'ValueFrom')) append(secrets, name, from);
      if (!isServer && ![...variables, ...secrets].some(([name, values]) => /clickhouse/i.test(name) || values.some((value) => typeof value === 'string' && says(value)))) return [];
      const commands = ['EntryPoint', 'Command'].flatMap(listed).concat(inside(definition, 'HealthCheck', 'Command').flatMap((each) => items(each)));
      const name = inside(definition, 'Name').map(literalText).join('');
      return [{
        resource,
        location: 'Properties.ContainerDefinitions',
        words: `container ${name} (${resource.logicalId})`,
        isServer,
        variables,
        secrets,
        script: readScript(commands.flatMap(textsOf).join(' ')),
        isShell: false,
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html
        more: listed('EnvironmentFiles').length > 0 ? 'more variables come from a file' : undefined,
        hasConfiguration: listed('MountPoints').flatMap((each) => inside(each, 'ContainerPath').map(literalText)).some(isConfiguration),
        entries: [],
      }];
    }),
  );
}

/** Functions that log in; only what is about ClickHouse by its own name counts there. */
function functions(templates: TemplateSet, workloads: Workloads): readonly Told[] {
  const says = isAbout(workloads);
  return templates.ofType('AWS::Lambda::Function').flatMap((resource) => {
    const variables = new Map<string, string[]>();
    for (const { node, template } of property(resource, 'Environment', 'Variables')) {
      if (!isDictionary(node)) continue;
      for (const [name, value] of Object.entries(node)) for (const text of textsOf({ node: value, template })) append(variables, name, text);
    }
    if (![...variables].some(([name, values]) => /clickhouse/i.test(name) || values.some(says))) return [];
    return [{ resource, location: 'Properties.Environment.Variables', words: `function ${resource.logicalId}`, isServer: false, variables, secrets: new Map(), script: NOTHING, isShell: false, hasConfiguration: false, entries: [] }];
  });
}
