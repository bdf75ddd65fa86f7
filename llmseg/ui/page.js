// Dark or light, as this browser chose last; dark at first, as reading rooms are. An address ending in ?__theme=light wins.
(() => {
  const asked = new URLSearchParams(location.search).get("__theme");
  let scheme = asked ?? localStorage.getItem("llmseg-scheme") ?? "dark";
  const paint = () => document.body.classList.toggle("dark", scheme !== "light");

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("button.scheme")) return;
    scheme = scheme === "light" ? "dark" : "light";
    localStorage.setItem("llmseg-scheme", scheme);
    paint();
  });
  // Gradio follows the system's scheme when it starts; this answers before that is drawn.
  new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });
  paint();
})();

// What this tab needs to be as it was after a reload. Of this tab alone, and gone with it.
function keptInTab() {
  return JSON.parse(sessionStorage.getItem("llmseg") ?? "null");
}

function keepInTab(news) {
  sessionStorage.setItem("llmseg", JSON.stringify({ ...keptInTab(), ...news }));
}

// What is typed is kept at that moment: Gradio's own event, which a note filled in from the fields also gives, comes later.
document.addEventListener("input", (event) => {
  if (event.target.matches?.("#note textarea")) keepInTab({ note: event.target.value });
});

// For what is large and can wait until a case is on the screen: Plotly takes a second to start.
async function caseOnScreen() {
  while (!document.querySelector(".viewer[data-ready]")) await new Promise((next) => setTimeout(next, 50));
}

// Gradio draws a chart anew and drops the one before, which listens to the window still and so would stay for good.
new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.removedNodes])) {
    const chart = node.classList?.contains("js-plotly-plot") ? node : node.querySelector?.(".js-plotly-plot");
    // Not Plotly.purge: what the old chart has begun may not have ended.
    if (chart && !chart.isConnected) window.removeEventListener("resize", chart._responsiveChartHandler);
  }
}).observe(document.body, { childList: true, subtree: true });
