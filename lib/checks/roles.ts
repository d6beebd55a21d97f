import { allowedBy } from './policies';
import type { Located, Resource, TemplateSet } from '../exposure/templates/templates';
import { append } from '../exposure/templates/templates';
import { elements, identity, inside, literalText, property, referenceOf } from '../exposure/templates/values';
import type { Workloads } from '../exposure/workloads/workloads';
import { hostProperty } from '../exposure/workloads/workloads';

/** A role that a ClickHouse acts as. */
export interface ActingRole {
  readonly role: Resource;
  /** the ClickHouse, and what the role is to it. */
  readonly owner: Resource;
  readonly words: string;
}

/** The roles of the templates that machines and tasks of ClickHouse have. One that is only imported is not judged. */
export function rolesOf(templates: TemplateSet, { hosts, containers }: Workloads): readonly ActingRole[] {
  const find = finder(templates, 'AWS::IAM::Role', 'RoleName');
  const profiles = finder(templates, 'AWS::IAM::InstanceProfile', 'InstanceProfileName');
  const found = new Map<Resource, ActingRole>();
  const add = (value: Located, owner: Resource, words: string): void => {
    const role = find(value);
    if (role !== undefined && !found.has(role)) found.set(role, { role, owner, words });
  };
  for (const host of hosts) {
    // a launch template has it by name or by ARN, an instance by name.
    const given = hostProperty(host, 'IamInstanceProfile').flatMap((each) => [each, ...inside(each, 'Name'), ...inside(each, 'Arn')]);
    for (const profile of given.flatMap((each) => profiles(each) ?? [])) for (const role of elements(profile, 'Roles')) add(role, host, 'the role of its machine');
  }
  for (const task of new Set(containers.map((each) => each.task))) {
    for (const role of property(task, 'TaskRoleArn')) add(role, task, 'its task role');
    for (const role of property(task, 'ExecutionRoleArn')) add(role, task, 'its execution role');
  }
  return [...found.values()];
}

/** Resources of a type by reference, or by the name that they are given. */
function finder(templates: TemplateSet, type: string, name: string): (value: Located) => Resource | undefined {
  const byName = new Map<string, Resource>();
  for (const resource of templates.ofType(type)) for (const each of property(resource, name)) byName.set(identity(each), resource);
  return (value) => {
    const reference = referenceOf(value)?.resource;
    if (reference !== undefined) return reference.type === type ? reference : undefined;
    const known = byName.get(identity(value));
    // an ARN ends with the path and the name.
    const text = literalText(value);
    return known ?? (text.startsWith('arn:') ? byName.get(`=${text.slice(text.lastIndexOf('/') + 1)}`) : undefined);
  };
}

/** A statement that allows something, and where it is written. */
export interface Granted {
  readonly statement: Located;
  readonly resource: Resource;
  readonly location: string;
}

/** What a role is allowed: by its own policies, and by those that are attached to it. */
export interface Permissions {
  readonly statements: (role: Resource) => readonly Granted[];
  /** the names of policies of AWS that it has. */
  readonly managed: (role: Resource) => readonly string[];
}

export function permissionsIn(templates: TemplateSet): Permissions {
  const find = finder(templates, 'AWS::IAM::Role', 'RoleName');
  const attached = new Map<Resource, Granted[]>();
  const attach = (policy: Resource, roles: readonly Located[]): void => {
    const granted = statementsOf(policy, property(policy, 'PolicyDocument'), 'Properties.PolicyDocument');
    for (const role of new Set(roles.flatMap((each) => find(each) ?? []))) for (const each of granted) append(attached, role, each);
  };
  for (const policy of templates.ofType('AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy')) attach(policy, elements(policy, 'Roles'));
  for (const policy of templates.ofType('AWS::IAM::RolePolicy')) attach(policy, property(policy, 'RoleName'));
  const policies = finder(templates, 'AWS::IAM::ManagedPolicy', 'ManagedPolicyName');
  return {
    statements: (role) => {
      const inline = elements(role, 'Policies').flatMap((each) => statementsOf(role, inside(each, 'PolicyDocument'), 'Properties.Policies'));
      const managed = elements(role, 'ManagedPolicyArns').flatMap((each) => policies(each) ?? []);
      const byArn = [...new Set(managed)].flatMap((each) => statementsOf(each, property(each, 'PolicyDocument'), 'Properties.PolicyDocument'));
      return [...inline, ...(attached.get(role) ?? []), ...byArn];
    },
    managed: (role) => elements(role, 'ManagedPolicyArns').flatMap((each) => /:aws:policy\/(?:[\w-]{1,64}\/)?([\w+=,.@-]{1,128})$/.exec(literalText(each).trim())?.[1] ?? []),
  };
}

function statementsOf(resource: Resource, documents: readonly Located[], location: string): readonly Granted[] {
  return documents.flatMap(allowedBy).map((statement) => ({ statement, resource, location }));
}
