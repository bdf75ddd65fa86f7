// Time that somebody spent, pauses left out.

const IDLE_MS = 10_000; // a pause longer than this is none of it

/** Active seconds per structure: from one sign of life to the next, as long as they are not far apart. */
class Clock {
  constructor(now = () => performance.now()) {
    this.now = now;
    this.last = null;
    this.total = 0;
    this.unsaved = {};
  }

  tick(name) {
    const now = this.now();
    if (this.last !== null) this.add(name, Math.min(now - this.last, IDLE_MS) / 1000);
    this.last = now;
  }

  add(name, seconds) {
    this.unsaved[name] = (this.unsaved[name] ?? 0) + seconds;
    this.total += seconds;
  }

  stop() {
    this.last = null;
  }

  /** The seconds not saved yet, which are the saver's from now on. */
  take() {
    const taken = this.unsaved;
    this.unsaved = {};
    return taken;
  }

  giveBack(taken) {
    for (const [name, seconds] of Object.entries(taken)) this.unsaved[name] = (this.unsaved[name] ?? 0) + seconds;
  }

  text() {
    const since = this.last === null ? 0 : Math.min(this.now() - this.last, IDLE_MS) / 1000;
    const seconds = Math.floor(this.total + since);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
