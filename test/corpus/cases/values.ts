import { att, FILE, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { at, closed, defaultOf, FROM_INSIDE, importValue, NO_ADDRESS, NO_RULE, open, output, reachable } from './parts';

const source = at('Group', 'SecurityGroupIngress', 0, 'CidrIp');
const text = (Default?: string): Json => ({ Type: 'String', Default });

/** A reachable database whose group admits what an expression says. */
const admits = (expression: unknown, more: Json = {}): Case['templates'] => single(reachable(tcp(8123, expression)), more);

const NETWORK = 'network.template.json';
/** A network in a stack of its own that exports what others need. */
const shared = (outputs: Json = {}): Json => ({
  Resources: network(),
  Outputs: {
    Vpc: output(ref('Vpc'), 'shared-vpc'),
    Public: output(ref('Public'), 'shared-public'),
    Both: output({ 'Fn::Join': [',', [ref('Public'), ref('Private')]] }, 'shared-subnets'),
    ...outputs,
  },
});
/** A database in another stack, in a subnet of that network. */
const importing = (subnet: unknown, from: unknown = '0.0.0.0/0'): Json => ({
  Resources: {
    Group: resource('AWS::EC2::SecurityGroup', { GroupDescription: 'access', VpcId: importValue('shared-vpc'), SecurityGroupIngress: [tcp(8123, from)] }),
    Db: instance(publicInterface({ SubnetId: subnet })),
  },
});

/** What expressions come to: the source of one rule, written in every way. */
export const VALUES: Layer = {
  layer: 'values',
  cases: [
    {
      name: 'parameter with a default',
      why: 'the default is what is deployed unless somebody says otherwise',
      templates: admits(ref('Clients'), { Parameters: { Clients: text('0.0.0.0/0') } }),
      verdict: 'exposed',
      twin: closed('the default is private', defaultOf('Clients'), '10.0.0.0/8'),
    },
    {
      name: 'parameter without a default',
      why: 'whoever deploys it decides',
      templates: admits(ref('Clients'), { Parameters: { Clients: text() } }),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'parameter opened on the command line',
      why: 'the value given replaces the private default',
      templates: admits(ref('Clients'), { Parameters: { Clients: text('10.0.0.0/8') } }),
      parameters: { Clients: '0.0.0.0/0' },
      verdict: 'exposed',
      twin: closed('the rule does not use the parameter', source, '10.0.0.0/8'),
    },
    {
      name: 'parameter closed on the command line',
      why: 'the value given replaces the open default',
      templates: admits(ref('Clients'), { Parameters: { Clients: text('0.0.0.0/0') } }),
      parameters: { Clients: '10.0.0.0/8' },
      verdict: 'private',
      twin: open('the rule does not use the parameter', source, '0.0.0.0/0'),
    },
    {
      name: 'parameter without a default, given on the command line',
      why: 'the value is known',
      templates: admits(ref('Clients'), { Parameters: { Clients: text() } }),
      parameters: { Clients: '0.0.0.0/0' },
      verdict: 'exposed',
      twin: NO_RULE,
    },
    {
      name: 'parameter from Systems Manager',
      why: 'the default is the name of a parameter, not its value',
      templates: admits(ref('Clients'), { Parameters: { Clients: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/network/clients' } } }),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      name: 'dynamic reference',
      why: 'the value is read at deployment',
      templates: admits('{{resolve:ssm:/network/clients}}'),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'list parameter',
      why: 'the second of the clients is everybody',
      templates: admits({ 'Fn::Select': [1, ref('Clients')] }, { Parameters: { Clients: { Type: 'CommaDelimitedList', Default: '10.0.0.0/8, 0.0.0.0/0' } } }),
      verdict: 'exposed',
      twin: closed('the first is private', [...source, 'Fn::Select', 0], 0),
    },
    {
      name: 'mapping by a parameter',
      why: 'the mapping says 0.0.0.0/0 for the default stage',
      templates: admits({ 'Fn::FindInMap': ['Clients', ref('Stage'), 'range'] }, { Parameters: { Stage: text('dev') }, Mappings: { Clients: { dev: { range: '0.0.0.0/0' }, prod: { range: '10.0.0.0/8' } } } }),
      verdict: 'exposed',
      twin: closed('the default stage is another', defaultOf('Stage'), 'prod'),
    },
    {
      name: 'mapping by the region',
      why: 'one region is open, the other is not, and the region is only known at deployment',
      templates: admits({ 'Fn::FindInMap': ['Clients', ref('AWS::Region'), 'range'] }, { Mappings: { Clients: { 'eu-central-1': { range: '0.0.0.0/0' }, 'us-east-1': { range: '10.0.0.0/8' } } } }),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      name: 'text with a variable',
      why: 'Fn::Sub gives 52.0.0.0/8',
      templates: admits({ 'Fn::Sub': '${First}.0.0.0/8' }, { Parameters: { First: text('52') } }),
      verdict: 'exposed',
      twin: closed('it gives 10.0.0.0/8', defaultOf('First'), '10'),
    },
    {
      name: 'text with a variable of its own',
      why: 'Fn::Sub with a list of variables gives 0.0.0.0/0',
      templates: admits({ 'Fn::Sub': ['${Any}/${Bits}', { Any: '0.0.0.0', Bits: ref('Width') }] }, { Parameters: { Width: text('0') } }),
      verdict: 'exposed',
      twin: closed('it gives 0.0.0.0/8, which is nobody', defaultOf('Width'), '8'),
    },
    {
      name: 'joined text',
      why: 'Fn::Join gives 10.0.0.0/7, half of which is public',
      templates: admits({ 'Fn::Join': ['/', ['10.0.0.0', '7']] }),
      verdict: 'exposed',
      twin: closed('it gives 10.0.0.0/8', [...source, 'Fn::Join', 1, 1], '8'),
    },
    {
      name: 'split text',
      why: 'the second part of the text is everybody',
      templates: admits({ 'Fn::Select': ['1', { 'Fn::Split': [';', '10.0.0.0/8;0.0.0.0/0'] }] }),
      verdict: 'exposed',
      twin: closed('the first is private', [...source, 'Fn::Select', 0], '0'),
    },
    {
      name: 'part of a network',
      why: 'Fn::Cidr gives 52.0.1.0/24',
      templates: admits({ 'Fn::Select': [1, { 'Fn::Cidr': ['52.0.0.0/16', 4, 8] }] }),
      verdict: 'exposed',
      twin: closed('it gives 10.0.1.0/24', [...source, 'Fn::Select', 1, 'Fn::Cidr', 0], '10.0.0.0/16'),
    },
    {
      name: 'range of the VPC by its attribute',
      why: 'the VPC is 10.0.0.0/16, whatever the attribute looks like',
      templates: admits(att('Vpc', 'CidrBlock')),
      verdict: 'private',
      twin: open('the rule is for everybody', source, '0.0.0.0/0'),
    },
    {
      name: 'range imported from another stack',
      why: 'the other stack exports 0.0.0.0/0 by this name',
      templates: {
        'clients.template.json': { Resources: {}, Parameters: { Range: text('0.0.0.0/0') }, Outputs: { Range: output(ref('Range'), 'client-range') } },
        [FILE]: { Resources: reachable(tcp(8123, importValue('client-range'))) },
      },
      verdict: 'exposed',
      twin: closed('it exports a private range', ['clients.template.json', 'Parameters', 'Range', 'Default'], '10.0.0.0/8'),
    },
    {
      name: 'range imported from nowhere',
      why: 'no stack here exports the name',
      templates: admits(importValue('client-range')),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'subnet imported from another stack',
      why: 'the network stack exports a public subnet',
      templates: { [NETWORK]: shared(), [FILE]: importing(importValue('shared-public')) },
      verdict: 'exposed',
      twin: closed('the route of the network stack is for private addresses', [NETWORK, 'Resources', 'PublicRoute', 'Properties', 'DestinationCidrBlock'], '10.0.0.0/8'),
    },
    {
      name: 'subnet imported in a list',
      why: 'the network stack exports its subnets as one text, the first of which is public',
      templates: { [NETWORK]: shared(), [FILE]: importing({ 'Fn::Select': [0, { 'Fn::Split': [',', importValue('shared-subnets')] }] }) },
      verdict: 'exposed',
      twin: closed('the second is isolated', at('Db', 'NetworkInterfaces', 0, 'SubnetId', 'Fn::Select', 0), 1),
    },
    {
      name: 'range of the VPC imported from another stack',
      why: 'the attribute of the VPC is exported, and the VPC is 10.0.0.0/16',
      templates: { [NETWORK]: shared({ Range: output(att('Vpc', 'CidrBlock'), 'shared-range') }), [FILE]: importing(importValue('shared-public'), importValue('shared-range')) },
      verdict: 'private',
      twin: open('the export is everybody', [NETWORK, 'Outputs', 'Range', 'Value'], '0.0.0.0/0'),
    },
    {
      name: 'network imported from nowhere',
      why: 'open by all that is written, in a network that is not here',
      templates: single(importing(importValue('shared-public')).Resources as Json),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
    {
      name: 'range out of a custom resource',
      why: 'a function answers at deployment',
      templates: single(
        network({
          Lookup: resource('Custom::Lookup', { ServiceToken: 'arn:aws:lambda:eu-central-1:111122223333:function:lookup' }),
          Group: group(tcp(8123, att('Lookup', 'Range'))),
          Db: instance(publicInterface()),
        }),
      ),
      verdict: 'unknown',
      twin: NO_RULE,
    },
  ],
};
