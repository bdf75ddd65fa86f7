// The list of lessons. This file is the body of a function that Gradio calls once with `element` and `trigger`.

const list = element.querySelector("dialog");
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches(".lessons")) list.showModal();
  else if (button || event.target === list) list.close();
  if (button?.dataset.lesson) trigger("select", { lesson: button.dataset.lesson });
});
