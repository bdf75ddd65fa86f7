// Small words for what every script does with the page.

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

function press(button, on) {
  button.setAttribute("aria-pressed", on ? "true" : "false");
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
