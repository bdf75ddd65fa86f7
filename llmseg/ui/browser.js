// The case browser. This file is the body of a function that Gradio calls once with `element`, `props`, `watch`,
// `trigger` and `server`. Cards are asked for when it is first opened, pictures as cards scroll into view.

const AT_ONCE = 2;
const AGAIN_MS = 1500;
const NAMES = new Intl.Collator("en", { numeric: true });

class Browser {
  constructor(root) {
    this.root = root;
    this.dialog = root.querySelector("dialog");
    this.grid = root.querySelector(".cards");
    this.search = root.querySelector(".search");
    this.cards = null; // each {facts, node, found}, in the order of the list
    this.listed = [];
    this.scores = null;
    this.inView = new Set();
    this.asked = 0;
    this.watcher = new IntersectionObserver((seen) => this.scrolled(seen), { root: this.grid, rootMargin: "160px" });
    this.listen();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** The open case, on the button and among the cards. */
  show(value) {
    this.value = value;
    setText(this.find(".open .name"), value?.name ?? "");
    setText(this.find(".open .what"), value?.what ?? "");
    for (const card of this.cards ?? []) card.node.setAttribute("aria-selected", String(card.facts.key === value?.key));
  }

  async open() {
    this.dialog.showModal();
    if (!this.cards && !(await this.fetchCards())) return;
    await this.list();
    const current = this.listed.find((card) => card.facts.key === this.value?.key);
    current?.node.scrollIntoView({ block: "nearest" });
    this.point(current ?? this.listed[0]);
    this.search.focus();
    this.search.select();
    this.root.dataset.ready = String(this.listed.length);
  }

  close() {
    this.dialog.close();
  }

  choose(card) {
    this.close();
    if (card.facts.key !== this.value?.key) trigger("select", { case: card.facts.key });
  }

  // ---- what there is ----

  /** Ask for the cards, and say whether they came. */
  async fetchCards() {
    setText(this.find(".count"), "Reading the list");
    try {
      const facts = await server.cards("");
      this.cards = facts.map((one) => ({ facts: one, node: cardOf(one), found: `${one.name} ${one.side} ${one.site} ${one.note}`.toLowerCase() }));
    } catch {
      setText(this.find(".count"), "The list could not be fetched. Close this and open it again.");
      return false;
    }
    const datasets = new Set(this.cards.map((card) => card.facts.dataset));
    for (const card of this.cards) {
      if (datasets.size > 1) card.node.querySelector("i").prepend(`${card.facts.dataset} · `);
      card.node.card = card;
      this.watcher.observe(card.node);
    }
    for (const name of ["dataset", "side", "site"]) this.fillSelect(name);
    this.find(".dataset").hidden = datasets.size < 2;
    const worst = this.find(".order option[value=worst]");
    worst.disabled = !this.cards.some((card) => card.facts.scored);
    if (worst.disabled) this.find(".order").title = "No case here has stored contours and a reference to compare.";
    this.show(this.value);
    return true;
  }

  fillSelect(name) {
    const values = [...new Set(this.cards.map((card) => card.facts[name]))].filter(Boolean).sort(NAMES.compare);
    const options = ["", ...values].map((value) => make("option", { value, textContent: value || "Any" }));
    this.find(`.${name} select`).replaceChildren(...options);
  }

  // ---- which cards are shown, and in which order ----

  async list() {
    const order = this.find(".order select").value;
    if (order === "worst" && !this.scores) await this.fetchScores();
    const chosen = (name) => this.find(`.${name} select`).value;
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const needsReference = this.find(".reference input").checked;
    const isWanted = ({ facts, found }) =>
      ["dataset", "side", "site"].every((name) => !chosen(name) || facts[name] === chosen(name)) &&
      words.every((word) => found.includes(word)) && (!needsReference || facts.reference);
    this.listed = this.cards.filter(isWanted);
    if (order === "name") this.listed.sort((a, b) => NAMES.compare(a.facts.name, b.facts.name));
    if (order === "worst") this.listed.sort((a, b) => this.scoreOf(a) - this.scoreOf(b));
    this.grid.replaceChildren(...this.listed.map((card) => card.node));
    this.find(".nothing").hidden = this.listed.length > 0;
    this.point(this.listed.includes(this.pointed) ? this.pointed : this.listed[0]);
    this.sayCount();
  }

  /** What has no DSC comes last. */
  scoreOf(card) {
    return this.scores[card.facts.key] ?? 2;
  }

  async fetchScores() {
    setText(this.find(".count"), "Comparing the stored contours");
    this.scores = await server.scores("");
  }

  sayCount() {
    const [shown, all] = [this.listed.length, this.cards.length];
    const waits = this.isWaiting ? "Pictures wait for the run to end." : "";
    setText(this.find(".count"), `${shown === all ? all : `${shown} of ${all}`} case${all === 1 ? "" : "s"}. ${waits}`);
  }

  // ---- pictures, as cards come into view ----

  scrolled(seen) {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting && !target.card.isPictured) this.inView.add(target.card);
      else this.inView.delete(target.card);
    }
    this.fetchNext();
  }

  fetchNext() {
    while (this.asked < AT_ONCE && this.inView.size && this.dialog.open && !this.isWaiting) {
      const [card] = this.inView;
      this.inView.delete(card);
      this.fetchPicture(card);
    }
  }

  async fetchPicture(card) {
    this.asked += 1;
    try {
      const made = await server.picture(card.facts.key);
      if (made) fill(card, made);
      else this.wait(card);
    } catch {
      fill(card, { wrong: "The picture could not be fetched." });
    }
    this.asked -= 1;
    this.fetchNext();
  }

  /** The server has a run to do first. */
  wait(card) {
    this.inView.add(card);
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.sayCount();
    setTimeout(() => {
      this.isWaiting = false;
      this.sayCount();
      this.fetchNext();
    }, AGAIN_MS);
  }

  // ---- mouse and keys ----

  listen() {
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (event.target === this.dialog || button?.matches(".close")) this.close();
      else if (button?.matches(".open")) this.open();
      else if (button?.matches(".clear")) this.clear();
      else if (button?.card) this.choose(button.card);
    });
    this.search.addEventListener("input", () => this.cards && this.list());
    this.dialog.addEventListener("change", () => this.cards && this.list());
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
    this.grid.addEventListener("focusin", (event) => event.target.card && this.point(event.target.card));
    this.dialog.addEventListener("close", () => this.find(".open").focus());
  }

  clear() {
    this.search.value = "";
    for (const select of this.root.querySelectorAll("header label:not(.order) select")) select.value = "";
    this.find(".reference input").checked = false;
    this.list();
    this.search.focus();
  }

  pressed(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !this.listed.length) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns(), ArrowUp: -this.columns(), Home: -Infinity, End: Infinity };
    if (target === this.search && key === "ArrowDown") this.pointed.node.focus();
    else if (target === this.search && key === "Enter") this.choose(this.pointed);
    else if (target.card && key in steps) this.step(steps[key]);
    else if (target.card && key.length === 1 && key !== " ") {
      this.search.focus(); // and the letter is typed there
      return;
    } else return;
    event.preventDefault();
  }

  step(by) {
    const from = this.listed.indexOf(this.pointed);
    if (from + by < 0 && by === -this.columns()) {
      this.search.focus();
      return;
    }
    this.listed[Math.max(0, Math.min(this.listed.length - 1, from + by))].node.focus();
  }

  columns() {
    return getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
  }

  /** The card that Enter opens: the only one that Tab reaches. */
  point(card) {
    if (this.pointed) this.pointed.node.tabIndex = -1;
    this.pointed = card;
    if (card) card.node.tabIndex = 0;
  }
}

function cardOf(facts) {
  const node = make("button", { type: "button", className: "card", tabIndex: -1, title: facts.note });
  node.setAttribute("role", "option");
  node.dataset.key = facts.key;
  const picture = make("span", { className: "picture" });
  const badge = make("span", { className: "badge", title: "DSC of PTV_High, stored contour with the note" });
  picture.append(make("img", { alt: "" }), make("span", { className: "absent" }), badge);
  const words = make("span", { className: "words" });
  const origin = [facts.split, facts.reference ? "" : "no reference"].filter(Boolean).join(" · ");
  words.append(
    make("b", { textContent: facts.name }),
    make("span", { textContent: [facts.side, facts.site].filter(Boolean).join(" ") || "site not stated" }),
    make("i", { textContent: origin }),
  );
  node.append(picture, words);
  return node;
}

function fill(card, { src, dsc, wrong }) {
  card.isPictured = true;
  if (src) card.node.querySelector("img").src = src;
  setText(card.node.querySelector(".absent"), wrong ?? "");
  setText(card.node.querySelector(".badge"), typeof dsc === "number" ? `DSC ${dsc.toFixed(2)}` : "");
}

function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const browser = new Browser(element.querySelector(".browser"));
watch("value", () => browser.show(props.value));
browser.show(props.value);
