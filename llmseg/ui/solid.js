// The 3D mode. Plotly draws in a component of its own, which lies over the panels; Python makes the surfaces of a
// result when they are first looked at, never before.

class Solid {
  constructor(viewer) {
    this.viewer = viewer;
    this.asked = 0; // how often surfaces were asked for: an answer to an older question is passed over
    this.made = ""; // which contours they are of
    const canvas = document.createElement("canvas");
    this.canDraw = Boolean(canvas.getContext("webgl2") ?? canvas.getContext("webgl"));
  }

  get isOn() {
    return this.viewer.settings.mode === "solid";
  }

  /** Show what there is, and ask for what is missing. */
  show() {
    const { viewer } = this;
    element.classList.toggle("is-solid", this.isOn);
    if (!this.isOn) return;
    this.place();
    const wanted = viewer.contoursOnShow();
    if (!this.canDraw) this.say("This browser offers no WebGL, and 3D needs it. The slices need none.");
    else if (!wanted) this.say(viewer.scene.absent.text ?? "There is nothing to show yet. Press Run.");
    else if (this.made !== wanted) this.ask(wanted);
  }

  ask(wanted) {
    this.made = wanted;
    this.say("Building the surfaces");
    trigger("select", { number: (this.asked += 1) });
  }

  /** Python's answer; the figure comes with it. */
  arrived(answer) {
    if (answer?.number !== this.asked) return;
    this.say(answer.said);
    this.viewer.root.dataset.solid = String(answer.number);
  }

  say(words) {
    setText(this.viewer.find(".solid-said"), words);
    element.classList.toggle("has-solid", !words);
  }

  /** Over the panels: the component that draws is no child of theirs. */
  place() {
    const panels = this.viewer.find(".panels");
    const [outer, inner] = [element.getBoundingClientRect(), panels.getBoundingClientRect()];
    const sides = { left: inner.left - outer.left, top: inner.top - outer.top, width: inner.width, height: inner.height };
    for (const [side, pixels] of Object.entries(sides)) element.style.setProperty(`--panels-${side}`, `${pixels}px`);
  }
}
