// The A2A SDK for JavaScript as a client, over both bindings.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { ListTasksRequest, Role, TaskState } from '@a2a-js/sdk';
import { RequestMalformedError, TaskNotCancelableError, TaskNotFoundError } from '@a2a-js/sdk/errors';
import { UnsupportedOperationError } from '@a2a-js/sdk/errors';

import { BINDINGS, byId, connect, message, sending, untilCompleted } from './calls.js';
import { startServer } from './server.js';

let server;

before(async () => {
  server = await startServer('--memory', '--port', '0', '--agent', 'conformance');
});

after(() => server?.kill());

/** The content of the only part of the only artifact. */
async function onlyPart(client, behaviour) {
  const task = await client.sendMessage(sending(message(behaviour)));
  assert.equal(task.artifacts.length, 1);
  assert.equal(task.artifacts[0].parts.length, 1);
  return task.artifacts[0].parts[0];
}

for (const binding of BINDINGS) {
  describe(binding, () => {
    let client;

    before(async () => {
      client = await connect(server, binding);
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
  });
}
