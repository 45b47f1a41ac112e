// The program `a2a-lambda` calls an agent that is a server of the A2A SDK for JavaScript.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { BINDINGS } from './calls.js';
import { startRemote } from './remote.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
// Without the commands for operators, which need the clients of AWS.
const PROGRAM = [
  'run', '--quiet', '--locked', '--package', 'a2a-lambda-cli', '--no-default-features', '--features', 'call', '--',
];

/** What the program prints. */
function call(words, code = 0) {
  return new Promise((resolve, reject) => {
    execFile('cargo', [...PROGRAM, ...words], { cwd: ROOT }, (error, stdout, stderr) => {
      if ((error?.code ?? 0) === code && stderr === '') {
        resolve(stdout);
      } else {
        reject(new Error(`${words}: ${error?.code} ${stdout} ${stderr}`));
      }
    });
  });
}

let remote;

before(async () => {
  remote = await startRemote();
});

after(() => remote?.kill());

test('the card is shown', async () => {
  const shown = await call(['card', remote.url]);
  assert.ok(shown.startsWith('remote 1\nRepeats what you say\nspeaks JSONRPC 1.0 at http'), shown);
});

for (const binding of BINDINGS) {
  describe(binding, () => {
    const way = ['--binding', binding];
    const task = async (...words) => JSON.parse(await call([...words, '--json', ...way])).task;

    test('a task is sent, streamed, and fails', async () => {
      const ended = 'said: hello, hello\nCOMPLETED: done\n';
      for (const command of ['send', 'stream']) {
        const said = await call([command, remote.url, 'hello', ...way]);
        assert.ok(said.endsWith(ended), said);
      }
      const failed = await call(['stream', remote.url, 'fail', ...way], 1);
      assert.ok(failed.endsWith('FAILED: as you say\n'), failed);
    });

    test('a question is answered', async () => {
      const asked = await task('send', remote.url, 'ask');
      assert.equal(asked.status.state, 'TASK_STATE_INPUT_REQUIRED');
      const words = ['--task', asked.id, '--context', asked.contextId];
      const answered = await task('send', remote.url, 'hello', ...words);
      assert.deepEqual([answered.id, answered.status.state], [asked.id, 'TASK_STATE_COMPLETED']);
    });

    test('a task is seen, canceled and watched', async () => {
      const { id } = await task('send', remote.url, 'wait', '--no-wait');
      assert.match(await call(['get', remote.url, id, ...way]), /WORKING/);
      for (const command of ['cancel', 'watch']) {
        const said = await call([command, remote.url, id, ...way]);
        assert.match(said, /\nCANCELED/);
      }
    });
  });
}
