// Push configs and agent cards by the A2A SDK for JavaScript, over both bindings.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { RequestMalformedError, TaskNotFoundError } from '@a2a-js/sdk/errors';

import { asUser, BINDINGS, connect, message, resolveCard, sending } from './calls.js';
import { HOOK, pushConfig } from './push.js';
import { startServer } from './server.js';

let server;

before(async () => {
  // With a way to authenticate the card has an extended one.
  const scheme = { httpAuthSecurityScheme: { scheme: 'Bearer' } };
  process.env.CARD_SECURITY_SCHEMES = JSON.stringify({ bearer: scheme });
  server = await startServer('--memory', '--port', '0', '--agent', 'conformance');
});

after(() => server?.kill());

test('the card says what there is', async () => {
  const card = await resolveCard(server);
  assert.equal(card.name, 'conformance');
  const current = card.supportedInterfaces.filter((each) => each.protocolVersion === '1.0');
  assert.deepEqual(current.map((each) => each.protocolBinding), BINDINGS);
  // What is preferred comes first (specification 8.3.1).
  assert.deepEqual(card.supportedInterfaces.slice(0, 2), current);
  assert.ok(card.supportedInterfaces.every((each) => each.url === server.url));
  assert.equal(card.capabilities.streaming, true);
  assert.equal(card.capabilities.pushNotifications, true);
  assert.equal(card.capabilities.extendedAgentCard, true);
  assert.deepEqual(card.skills.map((each) => each.id), ['conformance']);
});

for (const binding of BINDINGS) {
  describe(binding, () => {
    let client;
    let taskId;

    before(async () => {
      client = await connect(server, binding);
    });

    async function waiting() {
      taskId = (await client.sendMessage(sending(message('tck-input-required')))).id;
      return taskId;
    }

    function listing(taskId) {
      return { tenant: '', taskId, pageSize: 0, pageToken: '' };
    }

    function reference(config) {
      return { tenant: '', taskId: config.taskId, id: config.id };
    }

    test('a config is made, read, listed and deleted', async () => {
      const made = await client.createTaskPushNotificationConfig(pushConfig(await waiting()));
      assert.ok(made.id);
      assert.equal(made.taskId, taskId);
      assert.equal(made.url, HOOK);
      assert.deepEqual(await client.getTaskPushNotificationConfig(reference(made)), made);
      const page = await client.listTaskPushNotificationConfig(listing(taskId));
      assert.deepEqual(page.configs, [made]);

      await client.deleteTaskPushNotificationConfig(reference(made));
      await assert.rejects(client.getTaskPushNotificationConfig(reference(made)), TaskNotFoundError);
      const { configs } = await client.listTaskPushNotificationConfig(listing(taskId));
      assert.deepEqual(configs, []);
      // The second time, it is as good as deleted.
      await client.deleteTaskPushNotificationConfig(reference(made));
    });

    test('secrets are not returned', async () => {
      const secrets = {
        token: 'secret-token',
        authentication: { scheme: 'Bearer', credentials: 'secret-credentials' },
      };
      const config = pushConfig(await waiting(), secrets);
      const made = await client.createTaskPushNotificationConfig(config);
      const read = await client.getTaskPushNotificationConfig(reference(made));
      const { configs } = await client.listTaskPushNotificationConfig(listing(taskId));
      assert.equal(configs.length, 1);
      for (const shown of [made, read, ...configs]) {
        assert.equal(shown.authentication.scheme, 'Bearer');
        assert.doesNotMatch(JSON.stringify(shown), /secret/);
      }
    });

    test('a config can come with the message', async () => {
      const configuration = { taskPushNotificationConfig: { id: 'inline', url: HOOK } };
      const request = sending(message('tck-input-required'), configuration);
      const task = await client.sendMessage(request);
      const { configs } = await client.listTaskPushNotificationConfig(listing(task.id));
      assert.deepEqual(configs.map((each) => [each.id, each.url]), [['inline', HOOK]]);
    });

    test('configs of unknown tasks and invalid ones are refused', async () => {
      const unknown = pushConfig('unknown');
      await assert.rejects(client.createTaskPushNotificationConfig(unknown), TaskNotFoundError);
      await assert.rejects(
        client.listTaskPushNotificationConfig(listing('unknown')),
        TaskNotFoundError,
      );
      const nowhere = pushConfig(await waiting(), { url: 'not a url' });
      await assert.rejects(client.createTaskPushNotificationConfig(nowhere), RequestMalformedError);
    });

    test('known callers are shown more, and others nothing', async () => {
      const extended = await (await connect(server, binding)).getAgentCard(asUser('alice'));
      assert.deepEqual(extended.skills.map((each) => each.id), ['conformance', 'known-callers']);
      await assert.rejects(client.getAgentCard());
    });
  });
}
