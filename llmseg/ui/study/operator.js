// The operator's page: how far everyone is, and what an operator may do. This file is the body of a function that Gradio
// calls once with `element`. Whatever is pressed here, the server asks for the operator's ticket.

const LOOK_EVERY_MS = 5000;
const WHERE = { reading: "reading", "training feedback": "reading", note: "reading", paused: "paused", washout: "between sittings", done: "finished", revoked: "access ended" };

class Office {
  constructor(root) {
    this.root = root;
    this.find(".sign-in").addEventListener("submit", (event) => this.signIn(event));
    this.find(".sign-out").addEventListener("click", () => ask("../operating/sign-out", {}).then(() => location.reload()));
    this.find(".pause").addEventListener("click", () => this.act("../operating/pause", { yes: !this.seen.is_paused }));
    this.find(".readers").addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    this.find(".no").addEventListener("click", () => this.find(".sure").close());
    setInterval(() => this.root.dataset.state === "open" && !document.hidden && this.look(), LOOK_EVERY_MS);
    this.look();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  async look() {
    this.told(await ask("../operating/overview"));
  }

  told({ status, isOk, said, error }) {
    if (isOk) return this.show(said);
    if (status === 401) return this.knock(this.root.dataset.state === "open" ? error : "");
    this.say(error || "The server cannot be reached. What stands here may be old.");
    if (this.root.dataset.state === "opening") this.knock(error || "The server cannot be reached.");
  }

  knock(words) {
    this.root.dataset.state = "sign-in";
    this.say(words);
    this.find("input").focus();
  }

  say(words) {
    for (const place of this.root.querySelectorAll(".notice")) setText(place, words);
  }

  async signIn(event) {
    event.preventDefault();
    const answer = await ask("../operating/sign-in", { code: this.find("input").value });
    if (answer.isOk) this.find("input").value = "";
    if (answer.isOk) this.show(answer.said);
    else this.say(answer.error || "The server cannot be reached. Try again in a moment.");
  }

  async act(path, body) {
    const answer = await ask(path, body);
    if (answer.isOk && answer.said.code) this.give(answer.said);
    else this.told(answer);
  }

  show(seen) {
    this.seen = seen;
    this.root.dataset.state = "open";
    this.say("");
    setText(this.find(".title"), seen.title);
    setText(this.find(".running"), seen.is_paused ? "The study is paused" : "The study is open");
    this.find(".running").classList.toggle("paused", seen.is_paused);
    setText(this.find(".pause"), seen.is_paused ? "Resume the study" : "Pause the study");
    const tried = this.find(".tried");
    setText(tried, seen.wrong_codes ? `Wrong codes in the last quarter of an hour: ${seen.wrong_codes}` : "");
    tried.classList.toggle("many", seen.wrong_codes > 20);
    const rows = JSON.stringify(seen.readers);
    if (rows !== this.rows) this.find("tbody").replaceChildren(...seen.readers.map((reader) => this.row(reader)));
    this.rows = rows;
  }

  row(reader) {
    const row = make("tr");
    row.dataset.reader = reader.name;
    const done = make("td", { textContent: `${reader.answered} of ${reader.of}` });
    const bar = done.appendChild(make("progress", { max: reader.of, value: reader.answered }));
    bar.setAttribute("aria-label", `Readings of ${reader.name}`);
    const access = make("td");
    access.append(this.button("code", "New code", reader), this.button("revoke", "Revoke", reader));
    access.lastChild.disabled = reader.state === "revoked";
    const where = reader.last_seen || reader.state === "revoked" ? WHERE[reader.state] : "not begun";
    const cells = [where, done, clockOf(reader.median_seconds), `${reader.active_minutes.toFixed(0)} min`, agoOf(reader.last_seen), access];
    const nodes = cells.map((cell) => (typeof cell === "string" ? make("td", { textContent: cell }) : cell));
    row.append(make("th", { scope: "row", textContent: reader.name }), ...nodes);
    return row;
  }

  button(does, textContent, { name }) {
    const button = make("button", { type: "button", className: "quiet-button", textContent });
    Object.assign(button.dataset, { does, name });
    button.setAttribute("aria-label", `${textContent}: ${name}`);
    return button;
  }

  clicked(button) {
    if (!button) return;
    const { does, name } = button.dataset;
    if (does === "code") this.sure(`A new code for ${name}?`, "The code that was given before opens nothing any more. Everything read so far stays.", "Make a new code", () => this.act("../operating/code", { name }));
    if (does === "revoke") this.sure(`End the access of ${name}?`, "The answers given so far stay. A new code gives access back.", "End access", () => this.act("../operating/revoke", { name }));
  }

  sure(title, words, yes, act) {
    const dialog = this.find(".sure");
    setText(dialog.querySelector("h2"), title);
    setText(dialog.querySelector("p"), words);
    const button = dialog.querySelector(".yes");
    setText(button, yes);
    button.onclick = () => {
      dialog.close();
      act();
    };
    dialog.showModal();
  }

  /** A code is shown this once. */
  give({ name, code }) {
    const place = this.find(".given");
    place.replaceChildren(`The new code of ${name}, shown this once: `, make("b", { textContent: code }));
    this.look();
  }
}

function clockOf(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function agoOf(moment) {
  if (!moment) return "never";
  const minutes = Math.floor((Date.now() - new Date(moment)) / 60000);
  if (minutes < 2) return "now";
  if (minutes < 60) return `${minutes} min ago`;
  return new Date(moment).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

const root = element.querySelector(".study");
root.office = new Office(root);
