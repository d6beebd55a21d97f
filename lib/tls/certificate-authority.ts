import type { AlarmBase } from 'aws-cdk-lib/aws-cloudwatch';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct, IDependable } from 'constructs';

/** Whom a certificate is for. */
export interface NodeSubject {
  /** the name that peers know it by. */
  readonly host: string;
  /** its private address, known at deployment: a new interface gets a new certificate. */
  readonly ip: string;
}

/** Where a node finds its certificate and key. */
export interface NodeCertificate {
  /** the secret, which holds nothing until the certificate is issued. */
  readonly secretArn: string;
  /** the certificate is in the secret. */
  readonly issued: IDependable;
}

/**
 * Gives the nodes of a cluster their certificates, and says whom clients and nodes trust.
 *
 * What calls it knows no more than this, so that another authority can take its place: the secret holds what `lib/pki/node-secret.ts` reads,
 * the parameter what `lib/pki/authority.ts` reads.
 */
export interface CertificateAuthority {
  /** the parameter with the certificates that clients and nodes trust, PEM. */
  readonly caCertificate: IStringParameter;
  /** changes when nodes have to start anew, because they read whom they trust when they start. */
  readonly trust: string;
  /** Defines what issues the certificate of a node, in the scope of that node. */
  certify(node: Construct, subject: NodeSubject): NodeCertificate;
  /** Hands over its alarms. They, and what is done by the clock, begin when nodes serve: before, there is nothing to renew and nobody who reports. */
  begin(after: IDependable, watch: (alarm: AlarmBase) => void): void;
}
