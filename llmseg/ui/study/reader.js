// The reader's page: where he is, what he sees, what he answers. This file is the body of a function that Gradio calls
// once with `element`; the other scripts stand before it. Nothing here goes through Gradio's events.

const DRAFT = "llmseg-reading"; // in the tab's own storage: what is answered and not saved yet
const KEEP_EVERY_MS = 2000;
const SAVE_DRAWING_MS = 8000;
const LOOK_AGAIN_S = { paused: 5, washout: 60, revoked: 30 };
const LIFE = ["pointermove", "pointerdown", "wheel", "keydown", "touchmove"];
const TASKS = {
  rate: "Look at the contours on every slice, then answer.",
  compare: "The same patient with two sets of contours. Look at both, then answer.",
  edit: "Edit the contours until you would use them, then press Acceptable now.",
};
const SHOWING = ["reading", "training feedback", "note"];

class Reader {
  constructor(root) {
    this.root = root;
    this.place = null;
    this.clock = new Clock();
    this.tasks = 0; // counts what is being waited for: an older wait is given up
    this.slides = new Slides(root.querySelector(".viewer"), (edit) => this.deliver(edit));
    root.querySelector(".viewer").viewer = this.slides;
    this.questions = new Questions(this.find(".questions"), () => this.answered());
    this.listen();
    this.look();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  listen() {
    document.addEventListener("keydown", (event) => this.pressed(event), true);
    for (const name of LIFE) document.addEventListener(name, () => this.tick(), { capture: true, passive: true });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.rest() : this.tick()));
    window.addEventListener("pagehide", () => this.keep());
    setInterval(() => this.keep(), KEEP_EVERY_MS);
    setInterval(() => this.isDrawing() && !this.slides.editor.stroke && this.slides.editor.save(), SAVE_DRAWING_MS);
    this.find(".save").addEventListener("click", () => this.go());
    for (const button of this.root.querySelectorAll("button.back")) button.addEventListener("click", () => this.goBack());
    this.find(".begin").addEventListener("click", () => this.begin());
    this.find(".sign-out").addEventListener("click", () => this.signOut());
    this.find(".sign-in").addEventListener("submit", (event) => this.signIn(event));
    // Whoever chose with the mouse goes on scrolling with the keys.
    this.find(".questions").addEventListener("click", (event) => event.detail && event.target.closest("button") && this.find(".stage").focus({ preventScroll: true }));
  }

  // ---- where he is ----

  /** Ask the server where this reader is, until it says so. */
  async look() {
    const task = (this.tasks += 1);
    const waiting = (answer, seconds) => this.say(lostWords(answer, seconds, "This page goes on by itself."));
    const answer = await askUntilAnswered("reading/place", null, waiting, () => task === this.tasks);
    if (task === this.tasks) await this.told(answer);
  }

  told(answer) {
    if (answer.isOk) return this.apply(answer.said);
    if (answer.status === 401) return this.show("sign-in", this.place ? answer.error : "");
    this.say(answer.error);
  }

  async apply(place) {
    const task = (this.tasks += 1);
    this.rest();
    this.place = place;
    clearTimeout(this.again);
    setText(this.find(".title"), place.study.title);
    setText(this.find(".count"), place.state === "done" ? `${place.of} of ${place.of}` : `${place.number} of ${place.of}`);
    this.find(".progress progress").max = place.of;
    this.find(".progress progress").value = SHOWING.includes(place.state) ? place.number - 1 : place.number;
    if (!SHOWING.includes(place.state)) return this.calm(place);
    if (this.isNew(place)) return this.introduce(place);
    this.turn(true);
    this.fill(place);
    this.show(place.state);
    const scene = await askUntilAnswered("reading/scene", null, (lost, seconds) => this.say(lostWords(lost, seconds, "The images are fetched again.")), () => task === this.tasks);
    if (task !== this.tasks) return;
    if (scene.status === 409) return this.look();
    if (!scene.isOk) return this.told(scene);
    this.say("");
    await this.slides.open(scene.said, place.state === "reading" && place.kind === "edit");
    if (task !== this.tasks) return;
    this.turn(false);
    this.resend();
    this.tick();
  }

  /** No reading's questions beside another one's pictures: while they are fetched there are none. */
  turn(isTurning) {
    this.root.classList.toggle("turning", isTurning);
    if (isTurning) this.slides.say("Opening the reading");
  }

  isNew(place) {
    return place.number === 1 && place.state === "reading" && !this.hasBegun && !this.draft(place) && !Object.keys(place.answers).length && !place.edited;
  }

  /** One of the states; `words` stand in its card. */
  show(state, words = "") {
    this.root.dataset.state = state;
    if (state === "sign-in") {
      this.say(words);
      this.find(".sign-in input").value = "";
      this.find(".sign-in input").focus();
    }
  }

  say(words) {
    for (const place of this.root.querySelectorAll(".notice")) setText(place, words);
    const isOpening = this.root.dataset.state === "opening";
    if (words && isOpening) this.card("One moment", [words]);
  }

  // ---- quiet pages ----

  card(title, paragraphs, button = "") {
    const card = this.find(".words");
    setText(card.querySelector("h2"), title);
    card.querySelector(".text").replaceChildren(...paragraphs.filter(Boolean).map((textContent) => make("p", { textContent })));
    card.querySelector(".begin").hidden = !button;
    setText(card.querySelector(".begin"), button);
    card.querySelector(".back").hidden = !this.place?.can_go_back || button !== "";
  }

  introduce(place) {
    const many = `${place.of} readings${place.sessions > 1 ? `, in ${place.sessions} sittings` : ""}. Every answer is saved as you give it. You may stop at any time, and go on from there on any computer.`;
    this.card(place.study.title, [...place.study.introduction.split(/\n\s*\n/), many, "A question mark shows every key."], "Begin");
    this.show("introduction");
    this.find(".begin").focus();
  }

  begin() {
    this.hasBegun = true;
    this.apply(this.place);
  }

  calm(place) {
    const until = place.until ? new Date(place.until).toLocaleString([], { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" }) : "";
    const [title, ...words] = {
      paused: ["The study is paused", "Everything you saved is kept. This page goes on by itself when the study does."],
      washout: [`Sitting ${place.session - 1} of ${place.sessions} is done. Thank you.`, `The next one opens on ${until}. You can close this page until then.`],
      done: ["That was the last reading. Thank you.", `All ${place.of} readings are saved. You can close this page.`],
      revoked: ["Your access to this study has ended", "What you saved is kept. Ask the person who runs the study if you did not expect this."],
    }[place.state];
    this.card(title, words);
    this.show(place.state);
    if (place.state in LOOK_AGAIN_S) this.again = setTimeout(() => this.look(), 1000 * LOOK_AGAIN_S[place.state]);
  }

  async signIn(event) {
    event.preventDefault();
    const button = this.find(".sign-in button");
    button.disabled = true;
    this.say("");
    const answer = await ask("reading/sign-in", { code: this.find(".sign-in input").value });
    button.disabled = false;
    if (answer.isOk) {
      this.find(".sign-in input").value = "";
      this.apply(answer.said);
    } else this.say(answer.error || "The server cannot be reached. Try again in a moment.");
  }

  async signOut() {
    if (this.isDrawing() && !(await this.isDrawingSaved())) return;
    this.tasks += 1;
    await ask("reading/sign-out", {});
    sessionStorage.removeItem(DRAFT);
    location.reload();
  }

  // ---- one reading ----

  fill(place) {
    const draft = this.draft(place);
    const isOpen = place.state === "reading";
    this.sent = draft?.sent ?? null;
    this.startClock(draft?.seconds ?? 0);
    this.root.classList.toggle("practice", place.training);
    setText(this.find(".what h2"), isOpen ? { rate: "Rate", compare: "Compare", edit: "Edit" }[place.kind] : "Your answer is saved");
    setText(this.find(".task"), isOpen ? TASKS[place.kind] : afterWords(place));
    const note = this.find(".note");
    const isOther = note.dataset.reading !== place.reading;
    note.hidden = !place.note;
    note.dataset.reading = place.reading;
    setText(note.querySelector("p"), place.note ?? "");
    if (isOther || !isOpen) note.open = Boolean(place.note);
    this.questions.fill(place.questions, draft?.answers ?? place.answers);
    this.questions.lock(!isOpen || Boolean(this.sent));
    this.find(".asking .back").hidden = !place.can_go_back;
    setText(this.find(".save span"), !isOpen ? "Go on" : place.kind === "edit" ? "Acceptable now" : "Save and go on");
    this.find(".asking").scrollTop = 0;
    this.say("");
  }

  answered() {
    this.say("");
    this.tick();
    this.keep();
  }

  isOpen() {
    return this.root.dataset.state === "reading" && !this.root.classList.contains("turning");
  }

  isDrawing() {
    return this.isOpen() && this.place.kind === "edit";
  }

  /** Enter, or the big button: save and go on. */
  async go() {
    const { state } = this.root.dataset;
    if (this.root.classList.contains("turning")) return;
    if (["training feedback", "note"].includes(state)) return this.move("reading/on");
    if (!this.isOpen() || this.sent || this.isGoing) return;
    const open = this.questions.nextOpen();
    if (open) {
      this.questions.turnTo(open);
      return this.say("This question is not answered yet.");
    }
    this.isGoing = true;
    const isReady = !this.isDrawing() || (await this.isDrawingSaved());
    this.isGoing = false;
    if (!isReady) return;
    this.tick();
    this.sent = {
      reading: this.place.reading,
      answers: this.questions.answers,
      key: newKey(),
      active_seconds: this.seconds(),
      client_time: new Date().toISOString(),
    };
    this.resend();
  }

  /** Send what was to be saved: after a lost connection and after a reload the very same. */
  async resend() {
    const { sent } = this;
    if (!sent) return;
    const task = (this.tasks += 1);
    this.questions.lock(true);
    this.keep();
    this.saving("Saving");
    const waiting = (lost, seconds) => {
      this.saving("Not saved yet");
      this.say(lostWords(lost, seconds, "Your answer is kept on this page and sent again."));
    };
    const answer = await askUntilAnswered("reading/answer", sent, waiting, () => task === this.tasks);
    if (task !== this.tasks) return;
    if (answer.isOk && answer.said.saved === sent.key) return this.saved(answer.said);
    this.saving("Not saved");
    if (answer.status === 401) return this.show("sign-in", answer.error);
    this.sent = null;
    this.questions.lock(false);
    this.keep();
    await this.look();
    this.say(answer.error);
  }

  saved(place) {
    this.sent = null;
    sessionStorage.removeItem(DRAFT);
    this.saving(`Saved ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`);
    this.apply(place);
  }

  saving(words) {
    const place = this.find(".saved");
    setText(place, words);
    place.classList.toggle("done", words.startsWith("Saved"));
  }

  async goBack() {
    if (!this.place?.can_go_back || this.sent || this.root.classList.contains("turning")) return;
    if (this.isDrawing() && !(await this.isDrawingSaved())) return;
    this.move("reading/back");
  }

  async move(path) {
    const task = (this.tasks += 1);
    const { reading } = this.place;
    const answer = await askUntilAnswered(path, { reading }, (lost, seconds) => this.say(lostWords(lost, seconds, "This page goes on by itself.")), () => task === this.tasks);
    if (task !== this.tasks) return;
    if (answer.isOk) return this.apply(answer.said);
    if (answer.status === 401) return this.told(answer);
    await this.look();
    this.say(answer.error);
  }

  // ---- drawing ----

  /** A save of the editor; it is told what became of it. */
  async deliver(edit) {
    const { editor } = this.slides;
    const { id, after, table, bits, seconds } = edit;
    if (this.delivering === id) return;
    this.delivering = id;
    const body = { reading: edit.case, key: id, after, table, bits, seconds, client_time: new Date().toISOString() };
    const waiting = (lost, seconds) => this.say(lostWords(lost, seconds, "What you drew is kept on this page and sent again."));
    const answer = await askUntilAnswered("reading/edit", body, waiting, () => editor.sending?.id === id);
    this.delivering = "";
    editor.answered({ id, saved: answer.isOk, after: answer.isOk ? id : undefined });
    this.slides.redraw();
    if (answer.isOk) {
      this.saving(`Saved ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`);
      return this.say("");
    }
    this.say(answer.error);
    if (answer.status === 401) this.show("sign-in", answer.error);
    if (answer.status === 409) {
      editor.drop();
      await this.look();
      this.say(answer.error);
    }
  }

  /** Whether all that was drawn has reached the server; waits for it. */
  async isDrawingSaved() {
    const { editor } = this.slides;
    const { reading } = this.place;
    editor.release();
    editor.pause();
    while (this.place.reading === reading && (editor.dirty.size || editor.sending)) {
      if (!editor.sending) editor.save();
      await new Promise((resolve) => setTimeout(resolve, 40));
      if (!editor.sending && editor.dirty.size) return false; // refused: that was said already
    }
    return this.place.reading === reading;
  }

  // ---- time, and what is not saved yet ----

  startClock(seconds) {
    this.clock = new Clock();
    this.clock.total = seconds;
  }

  seconds() {
    return Math.round(1000 * this.clock.total) / 1000;
  }

  tick() {
    if (this.isOpen() && !document.hidden) this.clock.tick("");
  }

  /** The tab is hidden, or nothing is open: time stands still. */
  rest() {
    if (this.isOpen()) this.clock.tick("");
    this.clock.stop();
    this.keep();
  }

  keep() {
    this.root.dataset.seconds = String(this.seconds());
    if (!this.isOpen()) return;
    const { reading } = this.place;
    sessionStorage.setItem(DRAFT, JSON.stringify({ reading, answers: this.questions.answers, seconds: this.clock.total, sent: this.sent }));
  }

  /** What this tab has kept of the open reading. */
  draft(place) {
    if (place.state !== "reading") return null;
    const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
    return kept?.reading === place.reading ? kept : null;
  }

  // ---- keys ----

  pressed(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || this.find(".help").open) return;
    const isCard = !SHOWING.includes(this.root.dataset.state);
    if (isCard || target.matches("input[type=number], select")) return;
    if (target.matches("textarea")) {
      if (key === "Escape") this.find(".stage").focus();
      return;
    }
    const isHandled = this.act(event);
    const isOnChoice = target.closest?.(".choices");
    if (isHandled) event.stopImmediatePropagation();
    else if (!this.slides.root.contains(target) && !isOnChoice && !target.closest?.("summary")) this.slides.pressed(event);
    if (isHandled) event.preventDefault();
  }

  /** Do what a key stands for, and say whether it stands for anything. */
  act({ key, target, repeat }) {
    const choice = target.closest?.(".choices button");
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const isButton = target.matches("button, summary") && !choice;
    if (choice && key in steps) this.questions.isLocked || this.questions.step(choice, steps[key]);
    else if (choice && key === "Enter" && choice.getAttribute("aria-checked") !== "true") choice.click();
    else if (key === "Enter" && !isButton) repeat || this.go();
    else if (key === "Backspace") repeat || this.goBack();
    else if (this.isOpen() && !repeat && this.questions.pressed(key)) return true;
    else return false;
    return true;
  }
}

function lostWords({ status, error }, seconds, promise) {
  const what = status === 0 ? "No connection to the server." : error || "The server failed.";
  return `${what} ${promise} Next try in ${seconds} s.`;
}

function afterWords(place) {
  if (place.state === "note") return "This is the note of the patient you have just read.";
  return "This was practice. The dashed lines are the reference; yours is a judgement, and need not agree with it.";
}

const root = element.querySelector(".study");
root.reader = new Reader(root);
