// The stack of a2a-lambda beside resources of one's own:
//   scripts/package && cd infra/cdk && npm ci && npx cdk deploy
import { resolve } from 'node:path';

import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Topic } from 'aws-cdk-lib/aws-sns';

import { A2aLambda, Code } from '../lib';

const app = new App();
const stack = new Stack(app, 'A2aLambda');
const onCall = new Topic(stack, 'OnCall');

const agent = new A2aLambda(stack, 'Agent', {
  code: Code.fromPackage(
    app.node.tryGetContext('package') ?? resolve(__dirname, '../../../../target/package/arm64'),
  ),
  agent: 'echo',
  pushKmsKey: 'create',
  alarmTopic: onCall.topicArn,
});

new CfnOutput(stack, 'Url', { value: agent.url });
