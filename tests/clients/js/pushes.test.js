// Pushes, read by the types of the A2A SDK for JavaScript, beside the stream of the same message.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { StreamResponse, TaskState } from '@a2a-js/sdk';

import { BINDINGS, connect, drain, message, sending } from './calls.js';
import { startServer } from './server.js';

// Waiting for something that does not come ends here.
const WAIT_LIMIT_MS = 30_000;

let server;
let receiver;

before(async () => {
  receiver = await startReceiver();
  server = await startServer('--memory', '--port', '0', '--agent', 'conformance');
});

after(() => {
  receiver?.close();
  server?.kill();
});

/** Takes pushes; `until` waits for the one that tells a state, and returns all of a path. */
async function startReceiver() {
  const pushes = new Map();
  const http = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const event = StreamResponse.fromJSON(JSON.parse(body.toString()));
    const { headers } = request;
    pushes.set(request.url, [...(pushes.get(request.url) ?? []), { headers, event }]);
    response.end();
    http.emit('push');
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${http.address().port}`;
  const until = async (path, state) => {
    const signal = AbortSignal.timeout(WAIT_LIMIT_MS);
    for (;;) {
      const come = pushes.get(path) ?? [];
      if (come.at(-1)?.event.payload.value.status?.state === state) return come;
      await once(http, 'push', { signal });
    }
  };
  const close = () => {
    http.close();
    http.closeAllConnections();
  };
  return { url, until, close };
}

for (const binding of BINDINGS) {
  test(`${binding}: pushes are what the stream has`, async () => {
    const client = await connect(server, binding);
    const path = `/hooks/${binding}`;
    const authentication = { scheme: 'Bearer', credentials: 'secret-credentials' };
    const config = { url: receiver.url + path, token: 'secret-token', authentication };
    const request = sending(message('tck-stream-001'), { taskPushNotificationConfig: config });
    const [first, ...streamed] = await drain(client.sendMessageStream(request));

    const pushes = await receiver.until(path, TaskState.TASK_STATE_COMPLETED);
    const [pushedFirst, ...pushed] = pushes.map((push) => push.event);
    assert.equal(first.payload.$case, 'task');
    assert.equal(pushedFirst.payload.$case, 'task');
    assert.equal(pushedFirst.payload.value.id, first.payload.value.id);
    // The task that a stream begins with may be further on.
    assert.ok(streamed.length > 0);
    assert.deepEqual(pushed.slice(pushed.length - streamed.length), streamed);
    for (const { headers } of pushes) {
      assert.equal(headers['content-type'], 'application/a2a+json');
      assert.equal(headers.authorization, 'Bearer secret-credentials');
      // The SDK's own sender has it so.
      assert.equal(headers['x-a2a-notification-token'], 'secret-token');
    }
  });
}
