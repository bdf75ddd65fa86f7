// How the pages talk to their server. What cannot be delivered is kept and sent again, the same to the last letter.

const WAITS_S = [1, 2, 4, 8, 15];

/** One request: {status, said}; status 0 where the server was not reached. */
async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  try {
    const response = await fetch(path, { ...options, cache: "no-store" });
    const said = await response.json().catch(() => ({ error: `The server failed (${response.status}).` }));
    return { status: response.status, said, isOk: response.ok, error: said.error ?? said.detail ?? "" };
  } catch {
    return { status: 0, said: {}, isOk: false, error: "" };
  }
}

function isLost({ status }) {
  return status === 0 || status >= 500;
}

/** Ask until there is an answer.
 *  @param {function} waiting is told ({error, status}, seconds until the next try) before each wait.
 *  @param {function} isWanted whether anybody still waits for it. */
async function askUntilAnswered(path, body, waiting, isWanted = () => true) {
  for (let tried = 0; ; tried++) {
    const answer = await ask(path, body);
    if (!isLost(answer) || !isWanted()) return answer;
    const seconds = WAITS_S[Math.min(tried, WAITS_S.length - 1)];
    waiting(answer, seconds);
    await pause(seconds);
  }
}

/** Wait so long, or until the browser has a network again. */
function pause(seconds) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, 1000 * seconds);
    window.addEventListener("online", end);
  });
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
