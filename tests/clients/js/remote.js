// An agent of another make: a server of the A2A SDK for JavaScript, whose tasks are in memory. It repeats a
// text in two chunks, but for the texts below.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';

import { TaskState } from '@a2a-js/sdk';
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';

const { TASK_STATE_SUBMITTED, TASK_STATE_WORKING, TASK_STATE_INPUT_REQUIRED } = TaskState;
const { TASK_STATE_COMPLETED, TASK_STATE_FAILED, TASK_STATE_CANCELED } = TaskState;

function part(text) {
  return { content: { $case: 'text', value: text }, filename: '', mediaType: 'text/plain' };
}

class Remote {
  async execute({ userMessage, task, taskId, contextId }, bus) {
    const message = (text) => ({
      messageId: randomUUID(), taskId, contextId, role: 2, parts: [part(text)], extensions: [],
      referenceTaskIds: [],
    });
    const status = (state, text) => ({
      state, timestamp: new Date().toISOString(), message: text && message(text),
    });
    const says = (...of) => bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: status(...of) }));
    const begun = { id: taskId, contextId, artifacts: [], history: [userMessage] };
    bus.publish(AgentEvent.task(task ?? { ...begun, status: status(TASK_STATE_SUBMITTED) }));
    says(TASK_STATE_WORKING);
    const text = userMessage.parts[0].content.value;
    if (text === 'wait') {
      return;
    }
    if (text === 'ask') {
      says(TASK_STATE_INPUT_REQUIRED, 'what?');
    } else if (text === 'fail') {
      says(TASK_STATE_FAILED, 'as you say');
    } else {
      for (const [chunk, append] of [[text, false], [`, ${text}`, true]]) {
        const artifact = { artifactId: 'a', name: 'said', description: '', parts: [part(chunk)], extensions: [] };
        bus.publish(AgentEvent.artifactUpdate({ taskId, contextId, artifact, append, lastChunk: append }));
      }
      says(TASK_STATE_COMPLETED, 'done');
    }
    bus.finished();
  }

  cancelTask = async (taskId, bus) => {
    const status = { state: TASK_STATE_CANCELED, timestamp: new Date().toISOString() };
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId: '', status }));
    bus.finished();
  };
}

/** Starts it; `url` is where it listens, and `kill` ends it. */
export async function startRemote() {
  const app = express();
  const listener = app.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const url = `http://127.0.0.1:${listener.address().port}`;
  const speaks = (protocolBinding, path) => ({ url: url + path, protocolBinding, tenant: '', protocolVersion: '1.0' });
  const card = {
    name: 'remote',
    description: 'Repeats what you say',
    version: '1',
    supportedInterfaces: [speaks('JSONRPC', '/'), speaks('HTTP+JSON', '/rest')],
    capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [],
    signatures: [],
  };
  const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), new Remote());
  const handler = { requestHandler, userBuilder: UserBuilder.noAuthentication };
  app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: requestHandler }));
  app.use('/rest', restHandler(handler));
  app.use(jsonRpcHandler(handler));
  const kill = () => {
    listener.closeAllConnections();
    listener.close();
  };
  return { url, kill };
}
