// What the tests send, in few words.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { SendMessageRequest, TaskState } from '@a2a-js/sdk';
import { AgentCardResolver, ClientFactory, ClientFactoryOptions } from '@a2a-js/sdk/client';

export const BINDINGS = ['JSONRPC', 'HTTP+JSON'];

// Waiting for something that does not come ends here.
const WAIT_LIMIT_MS = 30_000;
const POLL_MS = 50;

/** A message that makes the conformance agent behave as the prefix says. */
export function message(behaviour, fields = {}) {
  return {
    messageId: `${behaviour}-${randomUUID()}`,
    role: 'ROLE_USER',
    parts: [{ text: 'hello' }],
    ...fields,
  };
}

export function sending(message, configuration = {}) {
  return SendMessageRequest.fromJSON({ message, configuration });
}

export function byId(id, more = {}) {
  return { tenant: '', id, ...more };
}

export function resolveCard(server) {
  return AgentCardResolver.default.resolve(server.url);
}

/** A client of one binding; `capabilities` are what it believes beyond the card. */
export async function connect(server, binding, capabilities = {}) {
  const card = await resolveCard(server);
  Object.assign(card.capabilities, capabilities);
  const options = { preferredTransports: [binding] };
  const factory = new ClientFactory(
    ClientFactoryOptions.createFrom(ClientFactoryOptions.default, options),
  );
  const client = await factory.createFromAgentCard(card);
  assert.equal(client.transport.protocolName, binding);
  assert.equal(client.protocolVersion, '1.0');
  return client;
}

/** Calls with these options are those of a user whom the server knows. */
export function asUser(name) {
  return { serviceParameters: { Authorization: `Bearer ${name}` } };
}

export async function drain(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

export async function untilCompleted(client, id) {
  const deadline = Date.now() + WAIT_LIMIT_MS;
  for (;;) {
    const task = await client.getTask(byId(id));
    if (task.status.state === TaskState.TASK_STATE_COMPLETED) return task;
    assert.ok(Date.now() < deadline, 'waited for too long');
    await sleep(POLL_MS);
  }
}
