import { att, FILE, fromGroup, group, instance, network, publicInterface, ref, resource, single, tcp } from '../corpus/build';

/** A ClickHouse that no rule has an error for: some warnings, which a deployment can have. */
export const SAFE = single({ ...network(), Clients: group(), Group: group(fromGroup(8443, att('Clients', 'GroupId'))), Db: instance() })[FILE] ?? {};

/** One that everybody reaches. */
export const OPEN = single({ ...network(), Group: group(tcp(8123)), Db: instance(publicInterface()) })[FILE] ?? {};

export const NO_CLICKHOUSE = { Resources: { Bucket: resource('AWS::S3::Bucket') } };

/** One whose sources a parameter decides. */
export const BY_PARAMETER = { Parameters: { Clients: { Type: 'String', Default: '10.0.0.0/8' } }, ...single({ ...network(), Group: group(tcp(8123, ref('Clients'))), Db: instance(publicInterface()) })[FILE] };

/** The first in YAML, with the short forms; the address is the default of a parameter. */
export const OPEN_YAML = `AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Clients: { Type: String, Default: 0.0.0.0/0 }
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: 10.0.0.0/16 }
  Gateway:
    Type: AWS::EC2::InternetGateway
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway }
  Public:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 4, 8]], MapPublicIpOnLaunch: yes }
  Table:
    Type: AWS::EC2::RouteTable
    Properties: { VpcId: !Ref Vpc }
  Route:
    Type: AWS::EC2::Route
    Properties: { RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway }
  Association:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: { SubnetId: !Ref Public, RouteTableId: !Ref Table }
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Sub '\${AWS::StackName} access'
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - IpProtocol: tcp
          FromPort: '8123'
          ToPort: 8123
          CidrIp: !Ref Clients
  Db:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-0123456789abcdef0
      SubnetId: !Ref Public
      SecurityGroupIds: [!GetAtt Group.GroupId]
      UserData:
        Fn::Base64: !Sub |
          #!/bin/bash
          yum install -y clickhouse-server
`;
