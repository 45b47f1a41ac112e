import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { App, SecretValue, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';

import { A2aLambda, A2aLambdaProps, Code, commas } from '../lib';
import { ZIPS } from '../lib/parameters';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A folder as scripts/package makes it, with other bytes in the zips. */
function packaged(names = Object.keys(ZIPS), arch = 'arm64', content = 'zip'): string {
  const folder = mkdtempSync(join(tmpdir(), 'a2a-lambda-cdk-'));
  folders.push(folder);
  const functions: Record<string, object> = {};
  for (const name of names) {
    const bytes = `${content} of ${name}`;
    writeFileSync(join(folder, `${name}.zip`), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    functions[name] = { file: `${name}.zip`, sha256, bytes: bytes.length };
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ arch, functions }));
  return folder;
}

const folder = packaged();

function made(props: Partial<A2aLambdaProps> | ((stack: Stack) => Partial<A2aLambdaProps>)) {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test');
  const given = typeof props === 'function' ? props(stack) : props;
  const agent = new A2aLambda(stack, 'Agent', { code: Code.fromPackage(folder), ...given });
  return { stack, agent };
}

/** The parameters that the nested stack is given. */
function parameters(props: Parameters<typeof made>[0]): Record<string, unknown> {
  const nested = Template.fromStack(made(props).stack).findResources('AWS::CloudFormation::Stack');
  return Object.values(nested)[0]!.Properties.Parameters;
}

test('a value is passed as CloudFormation writes it, and one that is not given is left out', () => {
  const passed = parameters({
    leaseSeconds: 60,
    alarms: false,
    a2aV03: true,
    agent: 'summary',
    logLevel: 'debug',
  });
  assert.equal(passed.LeaseSeconds, '60');
  assert.equal(passed.Alarms, 'false');
  assert.equal(passed.A2aV03, 'true');
  assert.equal(passed.Agent, 'summary');
  assert.equal(passed.LogLevel, 'debug');
  assert.ok(!('MaxAttempts' in passed));
});

test('a parameter can be an attribute of another resource', () => {
  const passed = parameters((stack) => ({
    alarmTopic: new Topic(stack, 'Topic').topicArn,
    subnetIds: commas(['subnet-1', 'subnet-2']),
    securityGroupIds: 'sg-1',
  }));
  assert.match(JSON.stringify(passed.AlarmTopic), /"Ref":"Topic/);
  assert.equal(passed.SubnetIds, 'subnet-1,subnet-2');
});

for (const [wrong, says] of [
  [{ leaseSeconds: 5 }, /^leaseSeconds must be 6 to 900; it is '5'$/],
  [{ leaseSeconds: 7.5 }, /^leaseSeconds must be 6 to 900; it is '7.5'$/],
  [{ leaseSeconds: NaN }, /^leaseSeconds must be 6 to 900/],
  [{ frontDoor: 'alb' }, /^frontDoor must be rest, url or http; it is 'alb'$/],
  [{ agent: 'a b' }, /^agent must be names of agents/],
  [{ alarmTopic: 'topic' }, /^alarmTopic must be the ARN of an SNS topic/],
  [{ cardSigningKeyId: 'x'.repeat(257) }, /^cardSigningKeyId must be at most 256/],
  [{ maxAttempt: 3 }, /^maxAttempt: the template has no parameter MaxAttempt$/],
] as [object, RegExp][]) {
  test(`refused by name: ${JSON.stringify(wrong).slice(0, 40)}`, () => {
    assert.throws(() => made(wrong), { message: says });
  });
}

test('a secret is taken by reference only, and is not shown', () => {
  const hush = '-----BEGIN PRIVATE KEY-----\nhush';
  assert.throws(
    () => made({ cardSigningKey: hush }),
    (error: Error) => error.message.startsWith('cardSigningKey would be') && !/hush/.test(error.message),
  );
  const reference = '{{resolve:secretsmanager:card-key}}';
  assert.equal(parameters({ cardSigningKey: reference }).CardSigningKey, reference);
  const cardSigningKey = SecretValue.secretsManager('card-key').unsafeUnwrap();
  assert.match(String(parameters({ cardSigningKey }).CardSigningKey), /^{{resolve:secretsmanager:/);
});

test('zips of a bucket have the keys that scripts/deploy gives them', () => {
  const passed = parameters({ code: Code.fromBucket('zips', packaged(undefined, 'x86-64')) });
  const digest = createHash('sha256').update('zip of request').digest('hex');
  assert.equal(passed.CodeBucket, 'zips');
  assert.equal(passed.RequestKey, `a2a-lambda/${digest}/request.zip`);
  assert.equal(passed.Architecture, 'x86_64');
});

test('zips that do not fit are refused', () => {
  const missing = packaged(Object.keys(ZIPS).slice(1));
  assert.throws(() => Code.fromPackage(missing), /has no zip of request: run scripts\/package/);
  const other = packaged([...Object.keys(ZIPS), 'other']);
  assert.throws(() => Code.fromPackage(other), /a zip of other, which the template does not know/);
  const changed = packaged();
  writeFileSync(join(changed, 'request.zip'), 'other bytes');
  assert.throws(() => Code.fromPackage(changed), /request.zip is not what its manifest says/);
  assert.throws(() => Code.fromPackage(join(changed, 'nowhere')), /there is no .*manifest.json/);
});

test('the revision is new where a zip or a parameter is, and only there', () => {
  const revision = (props: Partial<A2aLambdaProps>) => parameters(props).Revision;
  const first = revision({ maxAttempts: 3 });
  assert.match(String(first), /^[0-9a-f]{16}$/);
  assert.equal(revision({ maxAttempts: 3 }), first);
  assert.notEqual(revision({ maxAttempts: 4 }), first);
  const code = Code.fromPackage(packaged(undefined, undefined, 'another zip'));
  assert.notEqual(revision({ maxAttempts: 3, code }), first);
  assert.equal(revision({ revision: 'r1' }), 'r1');
});

test('rights that are granted are those of the executor', () => {
  const { stack, agent } = made({});
  new Bucket(stack, 'Bucket').grantRead(agent);
  Template.fromStack(agent.stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: [Match.objectLike({ Action: Match.arrayWith(['s3:GetObject*']) })] },
    Roles: [{ Ref: 'SqsExecutorRole' }],
  });
});

test('outputs are those of the template', () => {
  const { stack, agent } = made({});
  assert.match(JSON.stringify(stack.resolve(agent.output('TableName'))), /Outputs.TableName/);
  assert.throws(() => agent.output('Table'), /Table/);
});
