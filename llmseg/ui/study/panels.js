// The panels of a reader study: a, or a and b side by side, or one that is drawn on. Nothing here knows what they hold.

const PANELS_OF = { rate: ["a"], compare: ["a", "b"], edit: ["edited"] };

class Slides extends Viewer {
  firstMode() {
    return "reading";
  }

  panelsOnShow() {
    return PANELS_OF[this.scene?.kind] ?? [];
  }

  drawnIn(panel) {
    if (panel !== "edited") return [panel];
    return this.arms.has("edited") ? ["started", "edited"] : ["a"];
  }

  editable() {
    return ["edited", "a"];
  }

  /** An edit ends when it is called acceptable. */
  isBoundToDraw() {
    return true;
  }

  /** Show a reading; `mayDraw` where its contours are to be edited. */
  async open(value, mayDraw) {
    this.mayDraw = mayDraw;
    if (!mayDraw) this.editor.drop();
    this.asked = ""; // the same reading may come again, to be drawn on or not
    await this.show(value);
  }

  took() {
    this.settings.reference = this.arms.has("reference");
    if (this.mayDraw && !this.editor.isOn) this.editor.begin();
    if (!this.mayDraw) this.editor.fill();
  }

  describe() {
    const isPair = this.scene.kind === "compare";
    this.say(isPair ? "A" : "Contours", '.panel[data-panel="a"] h2');
    this.root.dataset.kind = this.scene.kind;
    this.root.dataset.has = this.arms.has("reference") ? "reference" : "";
  }

  windowKeys() {
    return {}; // numbers are answers here
  }

  actOn(key, isShifted, target) {
    if (key.toLowerCase() === "w") this.nextWindow();
    else return super.actOn(key, isShifted, target);
    return true;
  }

  nextWindow() {
    const names = Object.keys(PRESETS);
    const now = names.findIndex((name) => PRESETS[name].join() === this.settings.window.join());
    this.setWindow(...PRESETS[names[(now + 1) % names.length]]);
  }
}
