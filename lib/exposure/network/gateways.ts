import { AddressSet } from '../addresses/address-set';
import type { Gate, Statement } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Resource, Template } from '../templates/model';
import { isSameEnvironment } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { property, scalar, single } from '../templates/values';
import type { Linked } from './links';
import { Links } from './links';

/** Internet gateways and what the account says of all of them. */
export class Gateways {
  private readonly attachments: Links;
  private readonly blocks: readonly Resource[];
  private readonly exclusions: Links;
  private readonly all: readonly Resource[];
  private readonly attached = new Map<string, Gate>();

  constructor(templates: TemplateSet) {
    const attachments = templates.ofType('AWS::EC2::VPCGatewayAttachment').filter((each) => property(each, 'InternetGatewayId').length > 0);
    this.attachments = new Links(attachments, 'VpcId');
    this.blocks = templates.ofType('AWS::EC2::VPCBlockPublicAccessOptions');
    this.all = templates.ofType('AWS::EC2::VPCBlockPublicAccessExclusion');
    this.exclusions = new Links(this.all, 'VpcId', 'SubnetId');
  }

  /** Whether a VPC has an internet gateway. */
  attachedTo(vpc: string, name: string, ours: boolean): Gate {
    let found = this.attached.get(vpc);
    if (found === undefined) {
      const statements = this.attachments.of(vpc).map(({ resource, missing }): Statement => {
        const hop = { kind: 'internet gateway', template: resource.template.path, logicalId: resource.logicalId, detail: `${name} has an internet gateway`, missing: missing ?? property(resource, 'InternetGatewayId')[0]?.doubt };
        return { hop, lets: AddressSet.ALL };
      });
      const missing = `whether VPC ${name} has an internet gateway is not in the templates`;
      const elsewhere: Statement = { hop: { kind: 'internet gateway', template: '', logicalId: name, detail: 'may have an internet gateway', missing }, lets: AddressSet.ALL };
      found = gate(`VPC ${name} has no internet gateway`, ours ? statements : [...statements, elsewhere]);
      this.attached.set(vpc, found);
    }
    return found;
  }

  /**
   * What VPC Block Public Access lets into a subnet: nothing, unless the VPC or the subnet is excluded. No gate where nothing blocks.
   *
   * @see https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
   */
  notBlocked(subnet: string, vpc: string | undefined, template: Template, unknown?: string): readonly Gate[] {
    // the options are those of a region of an account.
    return this.blocks.filter((block) => isSameEnvironment(block.template.environment, template.environment)).flatMap((block): readonly Gate[] => {
      const mode = single({ node: block.properties.InternetGatewayBlockMode, template: block.template });
      const blocking = mode.known ? /^block-(?:bidirectional|ingress)$/.test(String(mode.value)) : mode.reason;
      if (blocking === false) return [];
      const at = { kind: 'VPC Block Public Access', template: block.template.path, logicalId: block.logicalId };
      const unsure = block.doubt ?? (typeof blocking === 'string' ? blocking : undefined);
      const perhaps: readonly Statement[] = unsure === undefined ? [] : [{ hop: { ...at, detail: 'may not block', missing: unsure }, lets: AddressSet.ALL }];
      // a subnet that nobody knows may be one that is excluded.
      const exclusions: readonly Linked[] = unknown === undefined ? [...this.exclusions.of(subnet), ...(vpc === undefined ? [] : this.exclusions.of(vpc))] : this.all.map((resource) => ({ resource, missing: unknown }));
      const excluded = exclusions.flatMap(({ resource, missing }): readonly Statement[] =>
        property(resource, 'InternetGatewayExclusionMode').flatMap((value): readonly Statement[] => {
          const text = scalar(value);
          if (text.known && text.value !== 'allow-bidirectional') return [];
          const hop = { ...at, template: resource.template.path, logicalId: resource.logicalId, detail: 'is excluded from the block', missing: missing ?? value.doubt ?? (text.known ? undefined : text.reason) };
          const change = { template: resource.template.path, logicalId: resource.logicalId, words: `remove ${resource.logicalId}, which excludes it from VPC Block Public Access` };
          return [{ hop, lets: AddressSet.ALL, change }];
        }),
      );
      return [gate('VPC Block Public Access lets nothing in from the internet', [...perhaps, ...excluded])];
    });
  }
}
