// Streams of the A2A SDK for JavaScript, over both bindings: from a server that is one process, and
// from one whose functions are processes of their own, which speak Lambda's Runtime API.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Role, TaskState } from '@a2a-js/sdk';
import { TaskNotFoundError, UnsupportedOperationError } from '@a2a-js/sdk/errors';

import { BINDINGS, byId, connect, drain, message, sending, untilCompleted } from './calls.js';
import { startServer } from './server.js';

const TICKS = 'test-stream-ticks';
const TICK_COUNT = 10;
const TICK_MS = 250;
const TICKS_TEXT = Array.from({ length: TICK_COUNT }, (_, n) => `tick ${n + 1}`).join(' ');
const SOON_MS = 100;

const COMPLETED = TaskState.TASK_STATE_COMPLETED;

function kinds(events) {
  return events.map((event) => event.payload.$case);
}

function state(event) {
  return event.payload.value.status.state;
}

function textOf(artifact) {
  return artifact.parts.map((part) => part.content.value).join('');
}

/** The chunks that events tell. */
function chunks(events) {
  const updates = events.filter((event) => event.payload.$case === 'artifactUpdate');
  return updates.map((event) => event.payload.value);
}

function textOfChunks(events) {
  return chunks(events).map((chunk) => textOf(chunk.artifact)).join('');
}

/** Each event with the time at which it came, by the clock of this machine. */
async function timed(stream) {
  const heard = [];
  for await (const event of stream) heard.push({ event, atMs: Date.now() });
  return heard;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function isChunk({ event }) {
  return event.payload.$case === 'artifactUpdate';
}

/**
 * How long after its commit each event of a stream of ticks came. Status updates tell when they
 * were made. The chunks were made between the first of these and the last, at the same distance.
 */
function delays(heard) {
  const [, working, ...rest] = heard;
  const completed = rest.pop();
  const madeMs = ({ event }) => Date.parse(event.payload.value.status.timestamp);
  const tickMs = (madeMs(completed) - madeMs(working)) / (TICK_COUNT - 1);
  assert.equal(rest.length, TICK_COUNT);
  return [
    working.atMs - madeMs(working),
    ...rest.map((chunk, n) => chunk.atMs - (madeMs(working) + n * tickMs)),
    completed.atMs - madeMs(completed),
  ];
}

function tests(binding, server) {
  let client;
  let other;

  before(async () => {
    client = await connect(server(), binding);
    other = await connect(server(), binding);
  });

  const send = (behaviour, fields) => client.sendMessageStream(sending(message(behaviour, fields)));

  for (const [behaviour, text] of [
    ['tck-stream-001', 'Stream hello from TCK'],
    ['tck-stream-003', 'Stream task lifecycle'],
    ['tck-stream-ordering-001', 'Ordered output'],
  ]) {
    test(`${behaviour} is told from its start to its end`, async () => {
      const events = await drain(send(behaviour));
      const expected = ['task', 'statusUpdate', 'artifactUpdate', 'statusUpdate'];
      assert.deepEqual(kinds(events), expected);
      const [task, working, artifact, completed] = events;
      assert.equal(state(working), TaskState.TASK_STATE_WORKING);
      assert.equal(textOf(artifact.payload.value.artifact), text);
      assert.equal(state(completed), COMPLETED);
      const stored = await client.getTask(byId(task.payload.value.id));
      assert.deepEqual(completed.payload.value.status, stored.status);
    });
  }

  test('a task without artifacts ends its stream', async () => {
    const events = await drain(send('tck-stream-002'));
    assert.deepEqual(kinds(events), ['task', 'statusUpdate', 'statusUpdate']);
    assert.equal(state(events.at(-1)), COMPLETED);
  });

  test('chunks are appended to one artifact', async () => {
    const events = await drain(send('tck-stream-artifact-chunked'));
    assert.deepEqual(chunks(events).map((chunk) => chunk.append), [false, true, true]);
    assert.deepEqual(chunks(events).map((chunk) => chunk.lastChunk), [false, false, true]);
    assert.equal(textOfChunks(events), 'one two three');
    const { artifacts } = await client.getTask(byId(events[0].payload.value.id));
    assert.deepEqual(artifacts.map(textOf), ['one two three']);
  });

  test('a direct message is the only event', async () => {
    const events = await drain(send('tck-message-response'));
    assert.deepEqual(kinds(events), ['message']);
    assert.equal(events[0].payload.value.role, Role.ROLE_AGENT);
    assert.equal(textOf(events[0].payload.value), 'Direct message response');
  });

  test('a rejection ends the stream', async () => {
    const events = await drain(send('tck-reject-task'));
    assert.equal(state(events.at(-1)), TaskState.TASK_STATE_REJECTED);
  });

  test('a question ends the stream, and its answer begins another', async () => {
    const asked = await drain(send('tck-input-required'));
    assert.equal(state(asked.at(-1)), TaskState.TASK_STATE_INPUT_REQUIRED);
    const taskId = asked[0].payload.value.id;
    const events = await drain(send('tck-complete-task', { taskId }));
    assert.equal(events[0].payload.value.id, taskId);
    assert.equal(state(events.at(-1)), COMPLETED);
  });

  test('a second client hears the same', async () => {
    const first = [];
    let following;
    for await (const event of send(TICKS)) {
      first.push(event);
      // Task, status and two chunks: what the second client was not there for.
      if (first.length === 4) {
        following = drain(other.resubscribeTask(byId(first[0].payload.value.id)));
      }
    }
    const [opening, ...updates] = await following;
    assert.ok(updates.length > TICK_COUNT / 2);
    assert.deepEqual(updates, first.slice(-updates.length));
    // The task that it began with has the chunks that were before.
    const begun = textOf(opening.payload.value.artifacts[0]);
    assert.equal(begun, textOfChunks(first.slice(0, -updates.length)));
    assert.equal(begun + textOfChunks(updates), TICKS_TEXT);
  });

  test('a task can be cancelled under its stream', async () => {
    const events = [];
    for await (const event of send(TICKS)) {
      events.push(event);
      // Task, status and a chunk: the agent is speaking.
      if (events.length === 3) await other.cancelTask(byId(events[0].payload.value.id));
    }
    assert.equal(state(events.at(-1)), TaskState.TASK_STATE_CANCELED);
    assert.ok(chunks(events).length < TICK_COUNT);
  });

  test('there is no subscription to what is over or not there', async () => {
    const [task] = await drain(send('tck-stream-001'));
    const subscribe = (id) => drain(client.resubscribeTask(byId(id)));
    await assert.rejects(subscribe(task.payload.value.id), UnsupportedOperationError);
    await assert.rejects(subscribe('unknown'), TaskNotFoundError);
  });

  test('a client that leaves takes nothing with it', async () => {
    const leaving = send(TICKS);
    const { value: opening } = await leaving.next();
    const { id } = opening.payload.value;
    const staying = other.resubscribeTask(byId(id));
    const { value: begun } = await staying.next();
    // Ends the iteration, and with it the connection.
    await leaving.return();
    const events = await drain(staying);
    assert.equal(state(events.at(-1)), COMPLETED);
    const [artifact] = begun.payload.value.artifacts;
    assert.equal((artifact ? textOf(artifact) : '') + textOfChunks(events), TICKS_TEXT);
    await untilCompleted(client, id);
  });

  test('chunks come one by one', async () => {
    const heard = await timed(send(TICKS));
    const completedMs = Date.parse(heard.at(-1).event.payload.value.status.timestamp);
    assert.ok(heard[0].atMs < completedMs - (TICK_COUNT * TICK_MS) / 2);
    const arrivals = heard.filter(isChunk).map((each) => each.atMs);
    assert.equal(arrivals.length, TICK_COUNT);
    // The machine may be busy for a moment, but not at each of them.
    const gaps = arrivals.slice(1).map((at, n) => at - arrivals[n]);
    assert.ok(median(gaps) > TICK_MS / 2, `${gaps}`);
  });

  test('events come soon after their commit', async (t) => {
    const heard = await Promise.all(Array.from({ length: 4 }, () => timed(send(TICKS))));
    const measured = heard.flatMap(delays);
    assert.ok(measured.length >= 30);
    const p50 = median(measured);
    t.diagnostic(`p50 ${p50.toFixed(1)} ms of ${measured.length} events`);
    assert.ok(p50 < SOON_MS, `${p50} ms`);
  });
}

for (const [name, ...options] of [['one process'], ['processes', '--processes']]) {
  describe(name, () => {
    let server;

    before(async () => {
      server = await startServer('--memory', '--port', '0', '--agent', 'conformance', ...options);
    });

    after(() => server?.kill());

    for (const binding of BINDINGS) describe(binding, () => tests(binding, () => server));
  });
}

describe('where the front door does not stream', () => {
  let server;

  before(async () => {
    server = await startServer('--memory', '--port', '0', '--agent', 'conformance', '--buffer');
  });

  after(() => server?.kill());

  for (const binding of BINDINGS) {
    test(`${binding}: all events come when the task ends`, async () => {
      const client = await connect(server, binding);
      const heard = await timed(client.sendMessageStream(sending(message(TICKS))));
      const events = heard.map(({ event }) => event);
      assert.equal(textOfChunks(events), TICKS_TEXT);
      assert.equal(state(events.at(-1)), COMPLETED);
      assert.ok(heard[0].atMs >= Date.parse(events.at(-1).payload.value.status.timestamp));
    });
  }
});
