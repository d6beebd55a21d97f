import type { IResource } from 'aws-cdk-lib';
import { Resource } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { PORTS } from '../config/ports';
import { ConstructError } from '../error';
import { Endpoint } from './endpoint';

/** A ClickHouse cluster, defined here or elsewhere. */
export interface IClickHouseCluster extends IResource, ec2.IConnectable {
  /**
   * The cluster's name: what `remote_servers` and the `{cluster}` macro say.
   *
   * @attribute
   */
  readonly clusterName: string;

  /**
   * Where clients connect over HTTPS.
   *
   * @attribute
   */
  readonly clusterEndpoint: Endpoint;

  /**
   * Where clients connect with the native protocol over TLS.
   *
   * @attribute
   */
  readonly nativeEndpoint: Endpoint;

  /** The parameter that holds the certificate of the cluster's own authority, in PEM: what clients verify the servers with. */
  readonly caCertificate: ssm.IStringParameter;
}

/** What to know about a cluster to connect to it. */
export interface ClickHouseClusterAttributes {
  /** The cluster's name. */
  readonly clusterName: string;

  /**
   * The name of the cluster's private zone, which must resolve in the client's VPC.
   *
   * @default - `<clusterName>.clickhouse.internal`
   */
  readonly zoneName?: string;

  /**
   * The security groups of the cluster's endpoint.
   *
   * @default - none: `connections` then changes only the client's side
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * The name of the Systems Manager parameter with the certificate of the cluster's authority.
   *
   * @default - unknown: clients have to be given the certificate in another way, and `grantConnect` is an error
   */
  readonly caCertificateParameterName?: string;
}

/** A cluster that is defined elsewhere. */
export function importedCluster(scope: Construct, id: string, attrs: ClickHouseClusterAttributes): IClickHouseCluster {
  class Import extends Resource implements IClickHouseCluster {
    public readonly clusterName = attrs.clusterName;
    public readonly clusterEndpoint: Endpoint;
    public readonly nativeEndpoint: Endpoint;
    public readonly connections: ec2.Connections;

    private readonly certificate?: ssm.IStringParameter;

    public get caCertificate(): ssm.IStringParameter {
      if (this.certificate) return this.certificate;
      throw new ConstructError('CaCertificate', `the imported cluster '${attrs.clusterName}' does not say which parameter holds the certificate of its authority; give 'caCertificateParameterName'`, this);
    }

    constructor() {
      super(scope, id);
      if (attrs.caCertificateParameterName !== undefined) this.certificate = ssm.StringParameter.fromStringParameterName(this, 'CaCertificate', attrs.caCertificateParameterName);
      const zoneName = attrs.zoneName ?? defaultZone(attrs.clusterName);
      this.clusterEndpoint = new Endpoint(zoneName, PORTS.https);
      this.nativeEndpoint = new Endpoint(zoneName, PORTS.native);
      this.connections = new ec2.Connections({ securityGroups: attrs.securityGroups, defaultPort: ec2.Port.tcp(PORTS.https) });
    }
  }
  return new Import();
}

/** The private zone of a cluster that was given no other. */
export function defaultZone(clusterName: string): string {
  return `${clusterName}.clickhouse.internal`;
}
