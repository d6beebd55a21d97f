import { att, balancer, fromGroup, group, instance, ref, resource, single, tcp } from '../build';
import type { Json, Layer } from '../case';
import { application, association, at, closed, dual, INTERNAL, launch, machine, NO_RULE, open, scaling, sixBlock, subnet, zones } from './parts';

const FRONT = (port: number): Json => fromGroup(port, att('FrontGroup', 'GroupId'));
const FRONT_INSIDE = closed('the group of the load balancer admits only private addresses', at('FrontGroup', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.0.0/8');

/** A database in the isolated subnet that admits the load balancer. */
const behind = (parts: Json): Json => zones({ Group: group(FRONT(8123)), Db: instance(), ...parts });

const FORWARD = (): Json => ({ Type: 'forward', TargetGroupArn: ref('Targets') });
const MISSING: Json = { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } };
const REDIRECT: Json = { Type: 'redirect', RedirectConfig: { StatusCode: 'HTTP_301', Protocol: 'HTTPS', Port: '443' } };
const CERTIFICATE: Json = { Protocol: 'HTTPS', Certificates: [{ CertificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/11111111-2222-3333-4444-555555555555' }] };

/** A listener that serves TLS, which logins demand, with these actions. */
const secured = (...DefaultActions: readonly Json[]): Json => application({}, {}, { ...CERTIFICATE, DefaultActions }, 443);
const rule = (properties: Json = {}): Json =>
  resource('AWS::ElasticLoadBalancingV2::ListenerRule', {
    ListenerArn: ref('Listener'),
    Priority: 10,
    Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/*'] } }],
    Actions: [FORWARD()],
    ...properties,
  });
const cognito = (more: Json = {}): Json => ({
  Type: 'authenticate-cognito',
  Order: 1,
  AuthenticateCognitoConfig: { UserPoolArn: 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Example01', UserPoolClientId: '1example23456789', UserPoolDomain: 'analytics-login', ...more },
});
const oidc = (): Json => ({
  Type: 'authenticate-oidc',
  Order: 1,
  AuthenticateOidcConfig: {
    Issuer: 'https://login.example.com',
    AuthorizationEndpoint: 'https://login.example.com/authorize',
    TokenEndpoint: 'https://login.example.com/token',
    UserInfoEndpoint: 'https://login.example.com/userinfo',
    ClientId: 'analytics',
    ClientSecret: '{{resolve:secretsmanager:login:SecretString:client}}',
  },
});
const afterwards = (): Json => ({ ...FORWARD(), Order: 2 });

/** Who gets through an application load balancer. The database sees the load balancer and its group, never the client. */
export const APPLICATION_LOAD_BALANCERS: Layer = {
  layer: 'application load balancers',
  cases: [
    {
      name: 'public ALB',
      why: 'the group of the database never shows a public address; the load balancer lets everybody through',
      templates: single(behind(application())),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'ALB without a scheme',
      why: 'a load balancer is public unless it says internal',
      templates: single(behind(application({ Scheme: undefined }))),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'database that admits its VPC behind an ALB',
      why: 'the load balancer asks from inside the VPC',
      templates: single(behind({ ...application(), Group: group(tcp(8123, att('Vpc', 'CidrBlock'))) })),
      verdict: 'exposed',
      twin: closed('the database admits another range, in which the load balancer is not', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.1.0/24'),
    },
    {
      name: 'ALB in public subnets',
      why: 'both subnets have a route to the internet gateway',
      templates: single(behind(application())),
      verdict: 'exposed',
      twin: closed('neither has', at('Front', 'Subnets'), [ref('Private'), ref('PrivateB')]),
    },
    {
      name: 'ALB without groups',
      why: 'the load balancer gets the default group of the VPC, which admits its own members only',
      templates: single(zones({ Group: group(tcp(8123, '10.0.0.0/16')), Db: instance(), ...balancer({ Type: 'application', Scheme: 'internet-facing', Subnets: [ref('Public'), ref('PublicB')] }, { Protocol: 'HTTP' }, { Port: 80, Protocol: 'HTTP' }) })),
      verdict: 'private',
    },
    {
      name: 'what an ALB may ask',
      why: 'the outbound rule of the load balancer leads to the database',
      templates: single(
        behind({
          ...application(),
          FrontGroup: resource('AWS::EC2::SecurityGroup', {
            GroupDescription: 'access',
            VpcId: ref('Vpc'),
            SecurityGroupIngress: [tcp(80)],
            SecurityGroupEgress: [{ IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32' }],
          }),
          Elsewhere: group(),
          Egress: resource('AWS::EC2::SecurityGroupEgress', { GroupId: att('FrontGroup', 'GroupId'), IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, DestinationSecurityGroupId: att('Group', 'GroupId') }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('it leads elsewhere', at('Egress', 'DestinationSecurityGroupId'), att('Elsewhere', 'GroupId')),
    },
    {
      name: 'listener that only redirects',
      why: 'everybody is sent elsewhere, nobody through',
      templates: single(behind(application({}, {}, { DefaultActions: [REDIRECT] }))),
      verdict: 'private',
      twin: open('everybody is let through', at('Listener', 'DefaultActions', 0), FORWARD()),
    },
    {
      name: 'rule of a listener',
      why: 'the listener answers itself, but one of its rules forwards',
      templates: single(behind({ ...application({}, {}, { DefaultActions: [MISSING] }), Rule: rule() })),
      verdict: 'exposed',
      twin: closed('the rule answers as well', at('Rule', 'Actions', 0), MISSING),
    },
    {
      name: 'rule for one host name',
      why: 'whoever asks chooses the name asked for',
      templates: single(behind({ ...application({}, {}, { DefaultActions: [MISSING] }), Rule: rule({ Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: ['analytics.example.com'] } }] }) })),
      verdict: 'exposed',
      twin: FRONT_INSIDE,
    },
    {
      name: 'rule for the addresses of clients',
      why: 'the rule is for every address',
      templates: single(behind({ ...application({}, {}, { DefaultActions: [MISSING] }), Rule: rule({ Conditions: [{ Field: 'source-ip', SourceIpConfig: { Values: ['0.0.0.0/0'] } }] }) })),
      verdict: 'exposed',
      twin: closed('it is for private addresses', at('Rule', 'Conditions', 0, 'SourceIpConfig', 'Values', 0), '10.0.0.0/8'),
    },
    {
      name: 'weighted forward',
      why: 'one in a hundred requests goes to the database',
      templates: single(
        behind({
          Other: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 80, Protocol: 'HTTP', VpcId: ref('Vpc'), TargetType: 'instance' }),
          ...application({}, {}, {
            DefaultActions: [{ Type: 'forward', ForwardConfig: { TargetGroups: [{ TargetGroupArn: ref('Other'), Weight: 99 }, { TargetGroupArn: ref('Targets'), Weight: 1 }] } }],
          }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('none does', at('Listener', 'DefaultActions', 0, 'ForwardConfig', 'TargetGroups', 1, 'Weight'), 0),
    },
    {
      name: 'login by Cognito',
      why: 'nobody gets through without a login',
      templates: single(behind(secured(cognito({ OnUnauthenticatedRequest: 'authenticate' }), afterwards()))),
      verdict: 'private',
      levels: ['login'],
      twin: open('those without a login are let through', at('Listener', 'DefaultActions', 0, 'AuthenticateCognitoConfig', 'OnUnauthenticatedRequest'), 'allow'),
    },
    {
      name: 'login by OpenID Connect',
      why: 'nobody gets through without a login, which is what happens unless the action says otherwise',
      templates: single(behind(secured(oidc(), afterwards()))),
      verdict: 'private',
      levels: ['login'],
      twin: open('there is no such action', at('Listener', 'DefaultActions', 0)),
    },
    {
      name: 'login that refuses',
      why: 'those without a login get an error',
      templates: single(behind(secured(cognito({ OnUnauthenticatedRequest: 'deny' }), afterwards()))),
      verdict: 'private',
      levels: ['login'],
    },
    {
      name: 'rule beside a login',
      why: 'the listener demands a login, but one of its rules forwards without',
      templates: single(behind({ ...secured(cognito(), afterwards()), Rule: rule() })),
      verdict: 'exposed',
      twin: FRONT_INSIDE,
    },
    {
      name: 'rule of a listener by a literal id',
      why: 'nobody here knows whose listener it is',
      templates: single(
        zones({
          Group: group(tcp(8123, '10.0.0.0/16')),
          Db: instance(),
          Targets: application().Targets,
          Rule: rule({ ListenerArn: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/shared/0123456789abcdef/0123456789abcdef' }),
        }),
      ),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      name: 'target group by a literal id',
      why: 'nobody here knows which load balancer forwards to it',
      templates: single(
        zones({
          Group: group(tcp(8123, '10.0.0.0/16')),
          ...launch({ SecurityGroupIds: [att('Group', 'GroupId')] }),
          Db: scaling({ VPCZoneIdentifier: [ref('Private')], TargetGroupARNs: ['arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/shared/0123456789abcdef'] }),
        }),
      ),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetIpAddressType.html
      name: 'ALB that is public by IPv6 only',
      why: 'its IPv4 addresses are private, and its group admits no IPv6',
      templates: single(
        dual({
          PublicB: subnet('10.0.2.0/24', { Ipv6CidrBlock: sixBlock(1) }, { DependsOn: 'Six' }),
          PublicBAssociation: association('PublicB', 'PublicTable'),
          Group: group(FRONT(8123)),
          Db: instance(),
          ...application({ IpAddressType: 'dualstack-without-public-ipv4' }),
        }),
      ),
      verdict: 'private',
      twin: open('with public IPv4 addresses, the rule is enough', at('Front', 'IpAddressType'), 'dualstack'),
    },
    {
      name: 'application behind a public ALB',
      why: 'the internet gets to an application, and only the application to the database',
      templates: single(
        zones({
          AppGroup: group(fromGroup(8080, att('FrontGroup', 'GroupId'))),
          App: machine({ SecurityGroupIds: [att('AppGroup', 'GroupId')] }),
          Group: group(fromGroup(8123, att('AppGroup', 'GroupId'))),
          Db: instance(),
          ...application({}, { Port: 8080, Targets: [{ Id: ref('App') }] }),
        }),
      ),
      verdict: 'private',
      levels: ['program'],
      twin: INTERNAL,
    },
    {
      name: 'ALB before a scaling group',
      why: 'the scaling group registers its machines',
      templates: single(
        behind({ ...application({}, { Targets: undefined }), ...launch({ SecurityGroupIds: [att('Group', 'GroupId')] }), Db: scaling({ VPCZoneIdentifier: [ref('Private')], TargetGroupARNs: [ref('Targets')] }) }),
      ),
      verdict: 'exposed',
      twin: closed('their group admits the load balancer to another port only', at('Group', 'SecurityGroupIngress', 0), FRONT(9363)),
    },
  ],
};
