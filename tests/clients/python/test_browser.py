"""A web page in a real browser as a client: let in by `--allow-origin`, and kept out without."""

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import httpx
import pytest

from server import Server
from streams import TICKS

BROWSER_LIMIT_S = 120
# It runs as whoever runs the tests, shows pages of this file only, and asks the network for nothing.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

# Sends, streams until the third event, goes on by `Last-Event-ID`, and tells its server of it.
PAGE = """<!doctype html><script type="module">
const [base, behaviour] = [CLOUD, BEHAVIOUR];
const message = text => JSON.stringify({message: {
  messageId: `${text}-${crypto.randomUUID()}`, role: 'ROLE_USER', parts: [{text}]}});
const headers = {'A2A-Version': '1.0', 'Content-Type': 'application/a2a+json'};

async function send() {
  const keyed = {...headers, 'Idempotency-Key': crypto.randomUUID(), 'A2A-Extensions': ''};
  const body = message('hello');
  const response = await fetch(base + '/message:send', {method: 'POST', headers: keyed, body});
  return (await response.json()).task.status.state;
}

async function* events(response) {
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end; (end = text.indexOf('\\n\\n')) >= 0; text = text.slice(end + 2)) {
      const [, id, data] = /id: (.*)\\ndata: (.*)/.exec(text.slice(0, end));
      yield {id, data: JSON.parse(data)};
    }
  }
}

async function stream() {
  const cut = new AbortController();
  const body = message(behaviour);
  const first = await fetch(base + '/message:stream',
    {method: 'POST', headers, body, signal: cut.signal});
  const seen = [];
  let task;
  for await (const {id, data} of events(first)) {
    task ??= data.task.id;
    if (seen.push(id) === 3) break;
  }
  cut.abort();
  const resumed = await fetch(`${base}/tasks/${task}:subscribe`,
    {headers: {...headers, 'Last-Event-ID': seen.at(-1)}});
  let last;
  for await (const {id, data} of events(resumed)) { seen.push(id); last = data; }
  return {seen, state: last.statusUpdate.status.state};
}

// What needs no leave of a browser's: a form's POST.
async function simple() {
  await fetch(base + '/message:send',
    {method: 'POST', mode: 'no-cors', headers: {'Content-Type': 'text/plain'}, body: message('x')});
}

const done = {};
for (const step of [send, stream, simple]) {
  done[step.name] = await step().then(value => value ?? 'sent', error => String(error));
}
await fetch('/done', {method: 'POST', body: JSON.stringify(done)});
</script>"""


class Site(ThreadingHTTPServer):
    """A web site with that page. What the page says that it has done is in `done`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.done = Queue()
        self.page = ""


class Handler(BaseHTTPRequestHandler):
    def answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self):
        self.answer(self.server.page)

    def do_POST(self):
        self.server.done.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer("")

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    with Site() as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield site
        site.shutdown()


def visited(site, server, folder) -> dict:
    """What the page has done in a browser."""
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: scripts/test installs it"
    site.page = PAGE.replace("CLOUD", json.dumps(server.url)).replace(
        "BEHAVIOUR", json.dumps(TICKS)
    )
    command = [browser, *FLAGS, f"--user-data-dir={folder}", site.origin]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            return site.done.get(timeout=BROWSER_LIMIT_S)
        finally:
            process.kill()


def count(server) -> int:
    url = server.url + "/tasks?pageSize=1"
    return httpx.get(url, headers={"A2A-Version": "1.0"}).json()["totalSize"]


def test_a_page_that_is_let_in_sends_streams_and_resumes(site, tmp_path):
    options = ("--memory", "--port", "0", "--agent", "conformance")
    with Server(*options, "--allow-origin", site.origin) as server:
        done = visited(site, server, tmp_path)
        assert done["send"] == "TASK_STATE_COMPLETED", done
        seen = [int(event_id) for event_id in done["stream"]["seen"]]
        assert done["stream"]["state"] == "TASK_STATE_COMPLETED"
        assert len(seen) > 10 and seen == sorted(set(seen))
        assert done["simple"] == "sent"
        assert count(server) >= 2


def test_a_page_that_is_not_let_in_does_nothing(site, tmp_path):
    with Server("--memory", "--port", "0", "--agent", "conformance") as server:
        done = visited(site, server, tmp_path)
        assert "TypeError" in done["send"] and "TypeError" in done["stream"], done
        # The browser does not tell its page that this was refused, too.
        assert done["simple"] == "sent"
        assert count(server) == 0
