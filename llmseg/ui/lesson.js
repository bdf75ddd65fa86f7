// The card of the lesson that is on. This file is the body of a function that Gradio calls once with `element` and
// `trigger`. What is drawn lies in the viewer, so it is saved before the lesson goes on.

const editor = () => document.querySelector(".viewer").viewer.editor;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether all that was drawn has reached the server; what it refused has already been said. */
async function isSaved() {
  editor().release();
  editor().save();
  while (editor().sending) await wait(40);
  return editor().dirty.size === 0;
}

function ask(structure) {
  const card = element.querySelector(".lesson");
  card.querySelector(".nothing-drawn").textContent = `Nothing of ${structure} is drawn yet. Paint it on a few slices and let Interpolate fill those between; or go on without.`;
  card.querySelector(".next").textContent = "Skip and show";
  card.classList.add("asks");
}

/** Whoever goes back to drawing is no longer asked. */
function unask() {
  const card = element.querySelector(".lesson.asks");
  if (!card) return;
  card.classList.remove("asks");
  card.querySelector(".nothing-drawn").textContent = "";
  card.querySelector(".next").textContent = "Show me";
}

async function press({ does }, card) {
  if (does === "leave") trigger("select", { does });
  else if (does === "change") trigger("submit", { does });
  else if (!editor().hasDrawn(card.dataset.structure) && !card.classList.contains("asks")) ask(card.dataset.structure);
  else if (await isSaved()) trigger("select", { does });
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-does]");
  if (button) press(button.dataset, button.closest(".lesson"));
});
document.addEventListener("pointerdown", (event) => event.target.closest?.(".viewer .view") && unask());
