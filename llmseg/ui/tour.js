// Four steps through the page, on a first visit and whenever asked for; an address ending in ?tour=no has none.
(() => {
  const STEPS = [
    ["#case button", "A case", "Choose one here by picture, or drop your own CT below. Contours drawn earlier stand in the panels at once."],
    ["#tabs", "Its note", "Change a word: the side, the site, a dose. The fields above say the same, and follow."],
    ["#run", "Run", "The contour is drawn again with your note. Beside it stands the one without a note, so you see what your words did."],
    ["#viewer .side", "The numbers", "How well each contour agrees with the reference, where the case has one. Click a structure’s name to go there; press ? for every key."],
  ];
  const SEEN = "llmseg-toured";
  let dialog, step, outlined;

  function build() {
    dialog = document.createElement("dialog");
    dialog.className = "tour";
    dialog.setAttribute("aria-labelledby", "tour-title");
    dialog.innerHTML =
      '<h2 id="tour-title"></h2><p></p><div><span></span>' +
      '<button type="button" class="skip">Skip</button><button type="button" class="next"></button></div>';
    dialog.querySelector(".skip").onclick = end;
    dialog.querySelector(".next").onclick = () => (step + 1 < STEPS.length ? show(step + 1) : end());
    dialog.addEventListener("keydown", (event) => event.key === "Escape" && end());
    document.body.append(dialog);
  }

  function show(number) {
    step = number;
    const [selector, title, words] = STEPS[step];
    outline(document.querySelector(selector));
    dialog.querySelector("h2").textContent = title;
    dialog.querySelector("p").textContent = words;
    dialog.querySelector("span").textContent = `${step + 1} of ${STEPS.length}`;
    dialog.querySelector(".next").textContent = step + 1 < STEPS.length ? "Next" : "Done";
    if (!dialog.open) dialog.show();
    place();
    dialog.querySelector(".next").focus();
  }

  function outline(element) {
    outlined?.classList.remove("toured");
    outlined = element;
    outlined?.classList.add("toured");
  }

  // Beside what it speaks of, on the side with room.
  function place() {
    const { left, right, top } = outlined.getBoundingClientRect();
    const { width, height } = dialog.getBoundingClientRect();
    dialog.style.left = `${right + width + 16 < innerWidth ? right + 14 : left - width - 14}px`;
    dialog.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  }

  function end() {
    localStorage.setItem(SEEN, "yes");
    outline(null);
    dialog.close();
  }

  function begin() {
    if (!dialog) build();
    show(0);
  }

  addEventListener("resize", () => dialog?.open && place());
  document.addEventListener("click", (event) => event.target.closest?.("button.take-tour") && begin());
  // Whoever runs has found the way: what is drawn now must not lie under the card.
  document.addEventListener("click", (event) => dialog?.open && event.target.closest?.("#run") && end());
  if (localStorage.getItem(SEEN) || new URLSearchParams(location.search).get("tour") === "no") return;
  const waiting = setInterval(() => {
    if (!document.querySelector(".viewer[data-ready]")) return;
    clearInterval(waiting);
    begin();
  }, 200);
})();
