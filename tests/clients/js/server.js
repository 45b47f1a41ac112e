// The local cloud as a child process, started as everybody starts it: by `scripts/dev`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DEV = fileURLToPath(new URL('../../../scripts/dev', import.meta.url));
const LISTENING = 'listening on ';
// The first start compiles.
const START_LIMIT_MS = 1_200_000;

/** Starts a server; `url` is where it listens, and `kill` ends it. */
export async function startServer(...options) {
  const child = spawn(DEV, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
  // The lines end, with no line, if the child does.
  const { value: line } = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  clearTimeout(limit);
  if (!line?.startsWith(LISTENING)) {
    await kill();
    throw new Error(`the server did not start: ${line}`);
  }
  return { url: line.slice(LISTENING.length), kill };
}
