// The A2A SDK for JavaScript of version 0.3 as a client, over both of its transports.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { ClientFactory, ClientFactoryOptions } from 'a2a-js-sdk-0.3/client';

import { BINDINGS, drain } from './calls.js';
import { HOOK } from './push.js';
import { startServer } from './server.js';

let server;

before(async () => {
  server = await startServer('--memory', '--port', '0', '--agent', 'conformance');
});

after(() => server?.kill());

function sending(behaviour, fields = {}) {
  return {
    message: {
      kind: 'message',
      messageId: `${behaviour}-${randomUUID()}`,
      role: 'user',
      parts: [{ kind: 'text', text: 'hello' }],
      ...fields,
    },
    configuration: { blocking: true },
  };
}

function textOf(parts) {
  return parts.map((part) => part.text).join('');
}

for (const binding of BINDINGS) {
  describe(binding, () => {
    let client;

    before(async () => {
      const preferred = { preferredTransports: [binding] };
      const options = ClientFactoryOptions.createFrom(ClientFactoryOptions.default, preferred);
      client = await new ClientFactory(options).createFromUrl(server.url);
    });

    test('a blocking send answers with the finished task', async () => {
      const task = await client.sendMessage(sending('tck-complete-task'));
      assert.equal(task.kind, 'task');
      assert.equal(task.status.state, 'completed');
      assert.equal(textOf(task.status.message.parts), 'Hello from TCK');
      assert.deepEqual(await client.getTask({ id: task.id }), task);
    });

    test('an answer can be a message', async () => {
      const answer = await client.sendMessage(sending('tck-message-response'));
      assert.equal(answer.kind, 'message');
      assert.equal(textOf(answer.parts), 'Direct message response');
    });

    test('a stream tells a task from its start to its end', async () => {
      const events = await drain(client.sendMessageStream(sending('tck-stream-artifact-chunked')));
      const chunks = events.filter((event) => event.kind === 'artifact-update');
      assert.equal(chunks.map((chunk) => textOf(chunk.artifact.parts)).join(''), 'one two three');
      assert.equal(events[0].kind, 'task');
      assert.equal(events.at(-1).kind, 'status-update');
      assert.equal(events.at(-1).status.state, 'completed');
      assert.equal(events.at(-1).final, true);
    });

    test('a second client hears the same', async () => {
      const first = [];
      let following;
      for await (const event of client.sendMessageStream(sending('test-stream-ticks'))) {
        first.push(event);
        // Task, status and two chunks: what the second client was not there for.
        if (first.length === 4) following = drain(client.resubscribeTask({ id: first[0].id }));
      }
      const [opening, ...updates] = await following;
      assert.equal(opening.kind, 'task');
      assert.deepEqual(updates, first.slice(-updates.length));
    });

    test('a waiting task can be cancelled once', async () => {
      const { id } = await client.sendMessage(sending('tck-input-required'));
      assert.equal((await client.cancelTask({ id })).status.state, 'canceled');
      await assert.rejects(client.cancelTask({ id }));
      await assert.rejects(client.getTask({ id: 'unknown' }));
    });

    test('a push config is set, read, listed and deleted', async () => {
      const { id } = await client.sendMessage(sending('tck-input-required'));
      const named = { id, pushNotificationConfigId: 'mine' };
      const config = { id: 'mine', url: HOOK };
      await client.setTaskPushNotificationConfig({ taskId: id, pushNotificationConfig: config });
      const read = await client.getTaskPushNotificationConfig(named);
      assert.equal(read.pushNotificationConfig.url, HOOK);
      assert.equal((await client.listTaskPushNotificationConfig({ id })).length, 1);
      await client.deleteTaskPushNotificationConfig(named);
      assert.deepEqual(await client.listTaskPushNotificationConfig({ id }), []);
    });
  });
}

test('a stream that is refused has its code', async () => {
  const preferred = { preferredTransports: ['JSONRPC'] };
  const options = ClientFactoryOptions.createFrom(ClientFactoryOptions.default, preferred);
  const client = await new ClientFactory(options).createFromUrl(server.url);
  const { id } = await client.sendMessage(sending('tck-complete-task'));
  for (const [stream, code] of [
    [client.sendMessageStream(sending('hi', { taskId: 'unknown' })), -32001],
    [client.sendMessageStream(sending('hi', { taskId: id })), -32004],
    [client.sendMessageStream(sending('hi', { parts: [] })), -32602],
    [client.resubscribeTask({ id: 'unknown' }), -32001],
    [client.resubscribeTask({ id }), -32004],
  ]) {
    await assert.rejects(drain(stream), new RegExp(`SSE event contained an error: .*Code: ${code}`));
  }
});
