import { CustomResource, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from '../acknowledge';
import { HandlerFunction } from '../handler-function';

/** What {@link RegionalFacts} needs to know. */
export interface RegionalFactsProps {
  readonly key: IKey;
}

/**
 * Facts about the region that CloudFormation cannot look up: asked once, at deployment, then pinned.
 *
 * A lookup at synthesis would need an account and credentials; a parameter of type AMI would be asked again at every deployment and
 * so roll the nodes on a day somebody deploys something else.
 */
export class RegionalFacts extends Construct {
  private readonly key: IKey;
  private lookup?: HandlerFunction;

  constructor(scope: Construct, id: string, props: RegionalFactsProps) {
    super(scope, id);
    this.key = props.key;
  }

  /** The id of the prefix list that AWS keeps for S3. */
  public s3PrefixList(): string {
    return this.ask('S3PrefixList', { Kind: 'ManagedPrefixList', Name: `com.amazonaws.${Stack.of(this).region}.s3` });
  }

  /** The newest Amazon Linux 2023 image at the time of the first deployment, or since `generation` last changed. */
  public machineImage(cpu: ec2.AmazonLinuxCpuType, generation: string): string {
    const id = cpu === ec2.AmazonLinuxCpuType.ARM_64 ? 'MachineImageArm64' : 'MachineImageX86';
    return this.ask(id, { Kind: 'PublicParameter', Name: machineImageParameter(cpu), Generation: generation });
  }

  private ask(id: string, properties: Readonly<Record<string, string>>): string {
    const asked = this.node.tryFindChild(id) as CustomResource | undefined;
    const fact = asked ?? new CustomResource(this, id, {
      resourceType: 'Custom::ClickHouseRegionalFact',
      serviceToken: this.lookupFunction().functionArn,
      properties,
    });
    return fact.getAttString('Value');
  }

  // defined with the first question: a cluster that is given everything has no such function.
  private lookupFunction(): HandlerFunction {
    if (this.lookup) return this.lookup;
    const { partition, region } = Stack.of(this);
    this.lookup = new HandlerFunction(this, 'Lookup', {
      handler: 'regional-fact',
      description: 'Looks up facts about the region for a ClickHouse cluster',
      key: this.key,
      statements: [
        new iam.PolicyStatement({
          actions: ['ssm:GetParameter'],
          // public parameters belong to no account.
          resources: ['arm64', 'x86_64'].map((cpu) => `arn:${partition}:ssm:${region}::parameter${machineImageParameter(cpu)}`),
        }),
        new iam.PolicyStatement({ actions: ['ec2:DescribeManagedPrefixLists'], resources: ['*'] }),
      ],
    });
    acknowledgeWildcards(this.lookup.role, { '*': 'ec2:DescribeManagedPrefixLists takes no resource, and only reads (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html)' });
    return this.lookup;
  }
}

function machineImageParameter(cpu: string): string {
  return ec2.AmazonLinux2023ImageSsmParameter.ssmParameterName({ cpuType: cpu as ec2.AmazonLinuxCpuType });
}
