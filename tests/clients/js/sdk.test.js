// The A2A SDK for JavaScript as a client, over both bindings.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ListTasksRequest, Role, SendMessageRequest, TaskState } from '@a2a-js/sdk';
import { AgentCardResolver, ClientFactory, ClientFactoryOptions } from '@a2a-js/sdk/client';
import {
  PushNotificationNotSupportedError,
  RequestMalformedError,
  TaskNotCancelableError,
  TaskNotFoundError,
  UnsupportedOperationError,
} from '@a2a-js/sdk/errors';

import { startServer } from './server.js';

// Waiting for something that does not come ends here.
const WAIT_LIMIT_MS = 30_000;
const POLL_MS = 50;

let server;

before(async () => {
  server = await startServer('--memory', '--port', '0', '--agent', 'conformance');
});

after(() => server?.kill());

/** A message that makes the conformance agent behave as the prefix says. */
function message(behaviour, fields = {}) {
  return {
    messageId: `${behaviour}-${randomUUID()}`,
    role: 'ROLE_USER',
    parts: [{ text: 'hello' }],
    ...fields,
  };
}

function sending(message, configuration = {}) {
  return SendMessageRequest.fromJSON({ message, configuration });
}

function byId(id, more = {}) {
  return { tenant: '', id, ...more };
}

function resolveCard() {
  return AgentCardResolver.default.resolve(server.url);
}

/** A client of one binding; `capabilities` are what it believes beyond the card. */
async function connect(binding, capabilities = {}) {
  const card = await resolveCard();
  Object.assign(card.capabilities, capabilities);
  const options = { preferredTransports: [binding] };
  const factory = new ClientFactory(
    ClientFactoryOptions.createFrom(ClientFactoryOptions.default, options),
  );
  const client = await factory.createFromAgentCard(card);
  assert.equal(client.transport.protocolName, binding);
  return client;
}

async function drain(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** The content of the only part of the only artifact. */
async function onlyPart(client, behaviour) {
  const task = await client.sendMessage(sending(message(behaviour)));
  assert.equal(task.artifacts.length, 1);
  assert.equal(task.artifacts[0].parts.length, 1);
  return task.artifacts[0].parts[0];
}

async function untilCompleted(client, id) {
  const deadline = Date.now() + WAIT_LIMIT_MS;
  for (;;) {
    const task = await client.getTask(byId(id));
    if (task.status.state === TaskState.TASK_STATE_COMPLETED) return task;
    assert.ok(Date.now() < deadline, 'waited for too long');
    await sleep(POLL_MS);
  }
}

test('the card says what there is', async () => {
  const card = await resolveCard();
  assert.equal(card.name, 'conformance');
  const bindings = card.supportedInterfaces.map((each) => each.protocolBinding);
  assert.deepEqual(bindings, ['JSONRPC', 'HTTP+JSON']);
  assert.equal(card.capabilities.streaming, false);
  assert.equal(card.capabilities.pushNotifications, false);
  assert.ok(card.skills.length > 0);
});

for (const binding of ['JSONRPC', 'HTTP+JSON']) {
  describe(binding, () => {
    let client;

    before(async () => {
      client = await connect(binding);
    });

    test('a blocking send answers with the finished task', async () => {
      const task = await client.sendMessage(sending(message('tck-complete-task')));
      assert.equal(task.status.state, TaskState.TASK_STATE_COMPLETED);
      assert.equal(task.status.message.parts[0].content.value, 'Hello from TCK');
      assert.deepEqual(await client.getTask(byId(task.id)), task);
    });

    test('an immediate answer is followed by polling', async () => {
      const sent = message('test-resubscribe-message-id');
      const task = await client.sendMessage(sending(sent, { returnImmediately: true }));
      const states = [TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING];
      assert.ok(states.includes(task.status.state));
      const done = await untilCompleted(client, task.id);
      assert.deepEqual(done.history.map((each) => each.messageId), [sent.messageId]);
    });

    test('artifacts come as what they are', async () => {
      const text = await onlyPart(client, 'tck-artifact-text');
      assert.deepEqual(text.content, { $case: 'text', value: 'Generated text content' });

      const file = await onlyPart(client, 'tck-artifact-file');
      assert.equal(file.content.$case, 'raw');
      assert.equal(Buffer.from(file.content.value).toString(), 'tck');
      assert.equal(file.filename, 'output.txt');
      assert.equal(file.mediaType, 'text/plain');

      const link = await onlyPart(client, 'tck-artifact-file-url');
      assert.deepEqual(link.content, { $case: 'url', value: 'https://example.com/output.txt' });

      const data = await onlyPart(client, 'tck-artifact-data');
      assert.deepEqual(data.content, { $case: 'data', value: { key: 'value', count: 42 } });
    });

    test('an answer can be a message', async () => {
      const answer = await client.sendMessage(sending(message('tck-message-response')));
      assert.equal(answer.role, Role.ROLE_AGENT);
      assert.equal(answer.parts[0].content.value, 'Direct message response');
    });

    test('a follow-up goes on with the task', async () => {
      const asked = await client.sendMessage(sending(message('tck-input-required')));
      assert.equal(asked.status.state, TaskState.TASK_STATE_INPUT_REQUIRED);
      const followUp = () => sending(message('tck-complete-task', { taskId: asked.id }));
      const done = await client.sendMessage(followUp());
      assert.equal(done.status.state, TaskState.TASK_STATE_COMPLETED);
      assert.equal(done.id, asked.id);
      assert.equal(done.contextId, asked.contextId);
      assert.equal(done.history.filter((each) => each.role === Role.ROLE_USER).length, 2);
      await assert.rejects(client.sendMessage(followUp()), UnsupportedOperationError);
    });

    test('a waiting task can be cancelled once', async () => {
      const task = await client.sendMessage(sending(message('tck-input-required')));
      const cancelled = await client.cancelTask(byId(task.id));
      assert.equal(cancelled.status.state, TaskState.TASK_STATE_CANCELED);
      await assert.rejects(client.cancelTask(byId(task.id)), TaskNotCancelableError);
    });

    test('lists come in pages, newest first', async () => {
      const contextId = randomUUID();
      const sent = [];
      for (let n = 0; n < 5; n += 1) {
        const task = await client.sendMessage(sending(message('tck-artifact-text', { contextId })));
        sent.push(task.id);
      }
      const pages = [];
      let pageToken = '';
      do {
        const request = ListTasksRequest.fromJSON({ contextId, pageSize: 2, pageToken });
        const page = await client.listTasks(request);
        assert.equal(page.totalSize, 5);
        pages.push(page.tasks.map((task) => task.id));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      assert.deepEqual(pages.map((page) => page.length), [2, 2, 1]);
      assert.deepEqual(pages.flat(), sent.reverse());
    });

    test('unknown tasks are not found', async () => {
      await assert.rejects(client.getTask(byId('unknown')), TaskNotFoundError);
      await assert.rejects(client.cancelTask(byId('unknown')), TaskNotFoundError);
      const followUp = sending(message('tck-complete-task', { taskId: 'unknown' }));
      await assert.rejects(client.sendMessage(followUp), TaskNotFoundError);
    });

    test('invalid requests are refused', async () => {
      for (const wrong of [{ messageId: '' }, { parts: [] }, { role: 'ROLE_UNSPECIFIED' }]) {
        const request = sending(message('invalid', wrong));
        await assert.rejects(client.sendMessage(request), RequestMalformedError);
      }
      const request = ListTasksRequest.fromJSON({ pageSize: 101 });
      await assert.rejects(client.listTasks(request), RequestMalformedError);
    });

    test('a stream falls back to a plain send', async () => {
      const events = await drain(client.sendMessageStream(sending(message('tck-stream-001'))));
      assert.equal(events.length, 1);
      assert.equal(events[0].payload.$case, 'task');
      assert.equal(events[0].payload.value.status.state, TaskState.TASK_STATE_COMPLETED);
    });

    test('streaming is refused', async () => {
      const trusting = await connect(binding, { streaming: true });
      const request = sending(message('tck-stream-001'));
      await assert.rejects(drain(trusting.sendMessageStream(request)), UnsupportedOperationError);
      await assert.rejects(drain(trusting.resubscribeTask(byId('any'))), UnsupportedOperationError);
    });

    test('push notifications are refused', async () => {
      const trusting = await connect(binding, { pushNotifications: true });
      const config = {
        tenant: '',
        id: '',
        taskId: 'any',
        url: 'https://example.com/',
        token: '',
        authentication: undefined,
      };
      await assert.rejects(
        trusting.createTaskPushNotificationConfig(config),
        PushNotificationNotSupportedError,
      );
    });

    test('an extended card is refused', async () => {
      const trusting = await connect(binding, { extendedAgentCard: true });
      await assert.rejects(trusting.getAgentCard(), UnsupportedOperationError);
    });
  });
}
