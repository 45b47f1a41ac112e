// What an agent does not offer is refused, to clients that look at its card and to others.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { TaskState } from '@a2a-js/sdk';
import { ExtensionSupportRequiredError, UnsupportedOperationError } from '@a2a-js/sdk/errors';
import { PushNotificationNotSupportedError } from '@a2a-js/sdk/errors';

import { BINDINGS, byId, connect, drain, message, resolveCard, sending } from './calls.js';
import { pushConfig } from './push.js';
import { startServer } from './server.js';

const REQUIRED_EXTENSION = 'https://example.com/extensions/required/v1';
// The SDK leaves it to its caller to say which extensions it supports.
const SUPPORTING = { serviceParameters: { 'A2A-Extensions': REQUIRED_EXTENSION } };

let server;

before(async () => {
  server = await startServer('--memory', '--port', '0', '--agent', 'strict');
});

after(() => server?.kill());

test('the card claims nothing and requires an extension', async () => {
  const { capabilities } = await resolveCard(server);
  assert.ok(!capabilities.streaming);
  assert.ok(!capabilities.pushNotifications);
  assert.ok(!capabilities.extendedAgentCard);
  const required = capabilities.extensions.filter((each) => each.required);
  assert.deepEqual(required.map((each) => each.uri), [REQUIRED_EXTENSION]);
});

for (const binding of BINDINGS) {
  describe(binding, () => {
    test('clients without the required extension are refused', async () => {
      const client = await connect(server, binding);
      const request = sending(message('tck-complete-task'));
      await assert.rejects(client.sendMessage(request), ExtensionSupportRequiredError);
    });

    test('a stream falls back to a plain send', async () => {
      const client = await connect(server, binding);
      const request = sending(message('tck-stream-001'));
      const events = await drain(client.sendMessageStream(request, SUPPORTING));
      assert.equal(events.length, 1);
      assert.equal(events[0].payload.$case, 'task');
      assert.equal(events[0].payload.value.status.state, TaskState.TASK_STATE_COMPLETED);
    });

    test('streaming is refused', async () => {
      const client = await connect(server, binding, { streaming: true });
      const sent = client.sendMessageStream(sending(message('tck-stream-001')), SUPPORTING);
      await assert.rejects(drain(sent), UnsupportedOperationError);
      const followed = client.resubscribeTask(byId('any'), SUPPORTING);
      await assert.rejects(drain(followed), UnsupportedOperationError);
    });

    test('push notifications are refused', async () => {
      const client = await connect(server, binding, { pushNotifications: true });
      await assert.rejects(
        client.createTaskPushNotificationConfig(pushConfig('any'), SUPPORTING),
        PushNotificationNotSupportedError,
      );
    });

    test('an extended card is refused', async () => {
      const client = await connect(server, binding, { extendedAgentCard: true });
      await assert.rejects(client.getAgentCard(SUPPORTING), UnsupportedOperationError);
    });
  });
}
