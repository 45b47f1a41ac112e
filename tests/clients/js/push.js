// Push configs, as the tests make them.

// A name that is reserved, and leads nowhere.
export const HOOK = 'https://hook.example/updates';

export function pushConfig(taskId, fields = {}) {
  return { tenant: '', id: '', taskId, url: HOOK, token: '', authentication: undefined, ...fields };
}
