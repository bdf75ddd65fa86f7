// The questions of one reading: big choices for mouse, finger and keyboard. One question at a time takes the keys.

const SIGNS = ["A", "=", "B"]; // of a preference
const SIDES = ["A", "tie", "B"]; // as they are sent

class Questions {
  /** @param {function} changed is called when an answer has changed. */
  constructor(place, changed) {
    this.place = place;
    this.changed = changed;
    this.asked = [];
    this.answers = {};
    this.isLocked = false;
    place.addEventListener("click", (event) => this.clicked(event));
    place.addEventListener("input", (event) => event.target.matches("textarea") && this.typed(event.target));
    place.addEventListener("focusin", (event) => this.turnTo(event.target.closest(".question")?.dataset.key));
  }

  /** Ask these, with what was answered before. */
  fill(questions, answers) {
    this.asked = questions;
    this.answers = { ...answers };
    this.place.replaceChildren(...questions.map((question) => this.block(question)));
    this.current = this.nextOpen() ?? questions[0]?.key;
    this.paint();
  }

  block(question) {
    const block = make("fieldset", { className: `question asks-${question.measure}` });
    block.dataset.key = question.key;
    const legend = block.appendChild(make("legend", { id: `question-${question.key}`, textContent: question.text }));
    if (!question.required) legend.append(make("span", { className: "optional", textContent: "optional" }));
    block.append(question.measure === "text" ? this.box(question) : this.choices(question));
    return block;
  }

  box(question) {
    const box = make("textarea", { rows: 2, maxLength: 10000, value: this.answers[question.key] ?? "" });
    box.setAttribute("aria-labelledby", `question-${question.key}`);
    return box;
  }

  choices(question) {
    const group = make("div", { className: "choices" });
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-labelledby", `question-${question.key}`);
    group.style.setProperty("--count", question.labels.length);
    question.labels.forEach((label, n) => {
      const button = group.appendChild(make("button", { type: "button" }));
      button.dataset.value = valuesOf(question)[n];
      button.setAttribute("role", "radio");
      button.append(make("kbd", { textContent: signsOf(question)[n] }), make("span", { textContent: label }));
      button.setAttribute("aria-label", label);
    });
    return group;
  }

  clicked(event) {
    const button = event.target.closest("button[data-value]");
    if (button) this.choose(button.closest(".question").dataset.key, button.dataset.value);
  }

  choose(key, value) {
    if (this.isLocked) return;
    this.answers[key] = value;
    this.current = this.nextOpen() ?? key;
    this.paint();
    this.changed();
  }

  typed(box) {
    this.answers[box.closest(".question").dataset.key] = box.value;
    this.changed();
  }

  turnTo(key) {
    if (!key || key === this.current) return;
    this.current = key;
    this.paint();
  }

  /** The first question that has to be answered still. */
  nextOpen() {
    return this.asked.find((question) => question.required && !this.answers[question.key]?.trim())?.key;
  }

  /** Do what a key stands for in the current question, and say whether it stands for anything. */
  pressed(key) {
    const question = this.asked.find((one) => one.key === this.current && one.measure !== "text") ?? this.asked.find((one) => one.measure !== "text");
    if (!question) return false;
    const found = signsOf(question).indexOf(key.toUpperCase());
    if (found < 0) return false;
    this.choose(question.key, valuesOf(question)[found]);
    return true;
  }

  lock(isLocked) {
    this.isLocked = isLocked;
    for (const box of this.place.querySelectorAll("textarea")) box.readOnly = isLocked;
    this.place.classList.toggle("locked", isLocked);
  }

  paint() {
    for (const block of this.place.children) {
      const isCurrent = block.dataset.key === this.current;
      block.classList.toggle("current", isCurrent);
      const chosen = this.answers[block.dataset.key];
      const buttons = [...block.querySelectorAll("button")];
      for (const button of buttons) {
        button.setAttribute("aria-checked", String(button.dataset.value === chosen));
        button.tabIndex = button.dataset.value === chosen || (!buttons.some((other) => other.dataset.value === chosen) && button === buttons[0]) ? 0 : -1;
      }
    }
  }

  /** Arrow keys go from choice to choice, where the focus is on one. */
  step(button, by) {
    const all = [...button.parentElement.children];
    const next = all[(all.indexOf(button) + by + all.length) % all.length];
    const { key } = button.closest(".question").dataset;
    this.answers[key] = next.dataset.value;
    this.paint();
    this.changed();
    next.focus();
  }
}

function valuesOf(question) {
  if (question.measure === "ordinal") return question.labels.map((_, n) => String(n + 1));
  return question.measure === "preference" ? SIDES : question.labels;
}

function signsOf(question) {
  return question.measure === "preference" ? SIGNS : question.labels.map((_, n) => String(n + 1));
}
