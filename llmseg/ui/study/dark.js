// A study is read in the dark, whatever the system's scheme is: every reader sees the same grey.
(() => {
  const paint = () => document.body.classList.toggle("dark", true);
  new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });
  paint();
})();
