import { Token } from 'aws-cdk-lib';

/** Where to connect: a host name of the cluster's private zone and a TLS port. */
export class Endpoint {
  /** The host name. It is in the certificate; connecting by address or by the load balancer's own name fails verification. */
  public readonly hostname: string;

  /** The port. */
  public readonly port: number;

  /** `host:port`. */
  public readonly socketAddress: string;

  constructor(hostname: string, port: number) {
    this.hostname = hostname;
    this.port = port;
    this.socketAddress = `${hostname}:${Token.isUnresolved(port) ? Token.asString(port) : port}`;
  }
}
