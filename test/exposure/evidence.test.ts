import { gzipSync } from 'node:zlib';
import { decodeUserData, isServerImage, parseImage, serverEvidence } from '../../lib/exposure/workloads/evidence';

describe('serverEvidence', () => {
  test.each([
    ['apt-get install -y clickhouse-server clickhouse-client'],
    ['yum install -y clickhouse-server-24.3.1.1'],
    ['curl https://clickhouse.com/ | sh\n./clickhouse install'],
    ['docker run -d -p 8123:8123 clickhouse/clickhouse-server'],
    ['docker run bitnami/clickhouse:24'],
    ['docker compose -f clickhouse.yaml up -d'],
    ['aws s3 cp s3://artefacts/install_clickhouse.sh . && bash install_clickhouse.sh'],
    ['curl -fsSL https://example.com/setup/clickhouse.sh | bash'],
    ['mount /dev/nvme1n1 /var/lib/clickhouse'],
    ['systemctl enable --now clickhouse-keeper'],
    ['sudo clickhouse start'],
    ['./bootstrap --role clickhouse'],
    ['rpm -i https://packages.clickhouse.com/rpm/stable/clickhouse-common-static-24.3.1.1.x86_64.rpm'],
    ['SERVICES="nginx clickhouse"'],
  ])('finds a server in %j', (script) => {
    expect(serverEvidence(`#!/bin/bash\n${script}\n`)).toMatch(/clickhouse/i);
  });

  test.each([
    [''],
    ['yum install -y nginx'],
    ['export CLICKHOUSE_HOST=db.internal CLICKHOUSE_PORT=8443'],
    ['CLICKHOUSE_SERVER=https://db.internal:8443 ./app'],
    ['DATABASE_URL=clickhouse://reader@db.internal:9440/events'],
    ['curl https://clickhouse.internal:8443/ping'],
    ['nc -z clickhouse-1.example.com 9440'],
    ['curl -o /etc/yum.repos.d/clickhouse.repo https://packages.clickhouse.com/rpm/clickhouse.repo\nyum install -y clickhouse-client-24.3.1.1'],
    ['npm install @clickhouse/client'],
    ['pip install clickhouse-connect'],
    ['docker run flipt/clickhouse-exporter'],
    ['  # TODO: move to clickhouse-server'],
  ])('finds none in %j', (script) => {
    expect(serverEvidence(`#!/bin/bash\n${script}\n`)).toBeUndefined();
  });
});

describe('decodeUserData', () => {
  const script = '#!/bin/bash\nyum install -y clickhouse-server\n';

  test.each([
    ['as it is', script],
    ['base64', Buffer.from(script).toString('base64')],
    ['base64 in lines', Buffer.from(script).toString('base64').replace(/(.{20})/g, '$1\n')],
    ['compressed', gzipSync(script).toString('base64')],
  ])('%s', (_, text) => {
    expect(decodeUserData(text)).toContain(script);
  });

  test('what claims to be compressed and is not, or unpacks to far too much, is left as it is', () => {
    const broken = Buffer.from([0x1f, 0x8b, 1, 2, 3]).toString('base64');
    expect(decodeUserData(broken)).toBe(broken);
    const bomb = gzipSync(Buffer.alloc(8 << 20)).toString('base64');
    expect(decodeUserData(bomb)).toBe(bomb);
  });
});

test.each([
  ['clickhouse/clickhouse-server', 'clickhouse/clickhouse-server', undefined],
  ['clickhouse/clickhouse-server:24.3', 'clickhouse/clickhouse-server', '24.3'],
  ['localhost:5000/clickhouse', 'localhost:5000/clickhouse', undefined],
  ['localhost:5000/clickhouse:26.8@sha256:0f0f', 'localhost:5000/clickhouse', '26.8'],
])('parseImage splits %s', (text, repository, tag) => {
  expect(parseImage(text)).toEqual({ repository, tag });
});

test('isServerImage goes by the image, not by its owner or registry', () => {
  const server = ['clickhouse', 'clickhouse/clickhouse-server:24', 'yandex/clickhouse-server', 'bitnami/clickhouse@sha256:0f', 'public.ecr.aws/x/altinity-clickhouse:1', 'clickhouse/clickhouse-keeper', ' 123456789012.dkr.ecr.eu-west-1. /acme/clickhouse:1'];
  const other = ['clickhouse/clickhouse-exporter', 'clickhouse.example.com/web', 'flyway-clickhouse-migrations', 'nginx', ''];
  expect(server.filter((each) => !isServerImage(each))).toEqual([]);
  expect(other.filter(isServerImage)).toEqual([]);
});
