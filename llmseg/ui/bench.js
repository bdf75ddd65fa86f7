// The workbench's panels: contours with the note and without it, side by side, overlaid, their difference, in 3D. This
// file is the body of a function that Gradio calls once with `element`, `props`, `trigger` and `watch`; the other scripts
// stand before it. Python sends a new value for a new case or a new result, nothing else.

const PANELS = {
  both: ["text", "no-text"],
  text: ["text"],
  "no-text": ["no-text"],
  overlaid: ["overlaid"],
  difference: ["difference"],
  swipe: ["swipe"],
  solid: [],
  edited: ["text", "edited"],
  edit: ["edited"],
};
const MODE_KEYS = {
  b: "both", w: "text", n: "no-text", o: "overlaid", d: "difference", s: "swipe", t: "solid", h: "edited",
};

class Bench extends Viewer {
  constructor(root) {
    super(root, (edit) => trigger("submit", { edit }));
    this.difference = null;
    for (const [name, { colour }] of Object.entries(CHANGES)) root.style.setProperty(`--${name}`, colour);
    this.likely = new Likely(this);
    this.solid = new Solid(this);
    // The chart's own script follows the window alone; it must also make room when the table above it grows.
    new ResizeObserver(() => window.dispatchEvent(new Event("resize"))).observe(this.find(".side"));
  }

  firstMode() {
    return "both";
  }

  panelsOnShow() {
    return PANELS[this.settings.mode];
  }

  drawnIn(panel) {
    const own = { overlaid: ["no-text", "text"], swipe: ["no-text", "text"], difference: ["text"], edited: ["started", "edited"] };
    return own[panel] ?? [panel];
  }

  ranked() {
    return ["text", "reference", "no-text", "edited"];
  }

  editable() {
    return ["edited", "text", "no-text"];
  }

  /** A learner draws until the reference is shown. */
  isBoundToDraw() {
    return this.scene.lesson === "draw";
  }

  took(fetched, isNewCase) {
    this.difference = null;
    this.likely.adopt(fetched.get("likely"), this.scene.likely);
    const before = isNewCase ? "" : this.lesson;
    this.lesson = this.scene.lesson;
    if (this.lesson !== before) followLesson(this);
    this.root.dataset.lesson = this.lesson;
  }

  /** What the note added and removed, as two arms; null unless both contours are there. */
  changes() {
    const [text, second] = [this.arms.get("text"), this.arms.get("no-text")];
    if (!text || !second) return null;
    return (this.difference ??= { added: text.minus(second), removed: second.minus(text) });
  }

  expose() {
    this.root.dataset.divider = this.settings.divider.toFixed(2);
    super.expose();
  }

  layout() {
    const { mode } = this.settings;
    for (const button of this.root.querySelectorAll("[data-mode]")) press(button, button.dataset.mode === mode);
    super.layout();
    if (mode === "difference") this.sayChange();
    this.likely?.show();
    this.solid?.show();
  }

  /** Which contours there are, as one text; "" for none. */
  contoursOnShow() {
    return this.arms.has("text") || this.arms.has("no-text") ? [this.scene.second, ...this.files.values()].join(" ") : "";
  }

  /** How much of the chosen structure changed, above the difference. */
  sayChange() {
    const changes = this.changes();
    const voxel_ml = AXES.reduce((volume, axis) => volume * this.ct.spacing[axis], 0.001);
    const ml = (kind) => `${(changes[kind].voxels(this.chosen) * voxel_ml).toFixed(1)} ml`;
    const found = changes ? `${this.chosen}: +${ml("added")}, −${ml("removed")}` : "";
    this.say(found, '.panel[data-panel="difference"] .caption');
  }

  describe() {
    const second = this.scene.second;
    for (const panel of this.root.querySelectorAll(".panel")) {
      const name = panel.dataset.panel;
      const needed = ["text", "no-text", "edited"].includes(name) ? [name] : ["text", "no-text"];
      const missing = needed.filter((arm) => !this.arms.has(arm));
      const caption = panel.querySelector(".caption");
      caption.textContent = caption.title = this.scene.arms[needed[0]]?.caption ?? "";
      // Overlaid still says something with one contour; what compares two does not.
      const isLacking = name === "overlaid" ? missing.length === 2 : missing.length > 0;
      panel.querySelector(".absent").textContent = isLacking ? this.scene.absent[name] ?? this.scene.absent[missing[0]] ?? "" : "";
    }
    for (const title of this.root.querySelectorAll(".second")) title.textContent = second || "Without the note";
    for (const word of this.root.querySelectorAll("th.without, button.without")) word.textContent = second ? "Other" : "Without";
    this.say(capital(this.words().added), ".added-word");
    this.say(capital(this.words().removed), ".removed-word");
    for (const word of this.root.querySelectorAll(".by-hand-word")) word.textContent = this.scene.lesson ? "Yours" : "Edited";
    this.root.dataset.second = second;
    this.root.classList.toggle("has-edit", this.scene.edit !== null);
    this.fillEdits();
    this.find(".case").textContent = this.scene.label;
  }

  /** Under the table: what was edited, how long that took, and how much line was drawn anew. */
  fillEdits() {
    const rows = this.scene.edit?.rows ?? [];
    this.find(".edits").hidden = !rows.length;
    this.find(".edits tbody").replaceChildren(
      ...rows.map((row) => {
        const line = make("tr");
        line.append(make("th", { scope: "row", textContent: row.name }), ...[row.time, row.apl, row.surface].map((textContent) => make("td", { textContent })));
        return line;
      }),
    );
  }

  /** What the two sides of the difference are called. */
  words() {
    const { second } = this.scene;
    if (!second) return { added: "added by the note", removed: "removed by the note" };
    return { added: "only with the note", removed: `only in “${second}”` };
  }

  // ---- numbers ----

  fillTable() {
    super.fillTable();
    this.find(".metrics").hidden = !this.scene.metrics.length;
    if (this.scene.metrics.length && !this.scene.metrics.includes(this.settings.metric)) this.settings.metric = this.scene.metrics[0];
    for (const button of this.root.querySelectorAll("[data-metric]")) {
      button.hidden = !this.scene.metrics.includes(button.dataset.metric);
      press(button, button.dataset.metric === this.settings.metric);
    }
    this.find(".numbers").dataset.shows = this.settings.metric;
    const foot = this.find(".numbers tfoot");
    foot.replaceChildren(...(this.scene.mean ? [this.meanRow(this.scene.mean)] : []));
    this.find(".caveat").textContent = this.scene.caveat;
  }

  tableRow(structure) {
    const row = super.tableRow(structure);
    row.querySelector(".go").title = "Go there; the strip below the slices shows its agreement";
    row.append(...this.cells(structure.numbers));
    return row;
  }

  meanRow(mean) {
    const row = make("tr");
    row.append(make("th", { scope: "row", textContent: mean.label }), ...this.cells(mean.numbers));
    return row;
  }

  cells(numbers) {
    return ["dsc", "hd95", "ml"].flatMap((metric) =>
      ["text", "no-text", "difference", "edited"].map((column) => {
        const cell = numbers?.[metric]?.[column] ?? { text: "–", tone: "", title: "" };
        return make("td", { className: `${metric} ${column} ${cell.tone}`, textContent: cell.text, title: cell.title });
      }),
    );
  }

  /** Dice of the chosen structure against the reference, or of the two against each other. */
  series() {
    const { arms, chosen, ct } = this;
    const dice = (first, second) => diceBySlice(arms.get(first), arms.get(second), chosen, ct.size.z);
    const drawn = ["text", "no-text", "edited"].filter((name) => arms.has(name));
    if (arms.get("reference")?.structures.has(chosen)) {
      return { what: "DSC", lines: Object.fromEntries(drawn.map((name) => [name, dice(name, "reference")])) };
    }
    const lines = arms.has("text") && arms.has("no-text") ? { overlap: dice("text", "no-text") } : {};
    return { what: lines.overlap ? "Overlap" : "", lines };
  }

  lanes(structure) {
    const ranked = ["edited", "text", "no-text", "reference"].map((key) => this.arms.get(key));
    return ranked.filter((arm) => arm?.structures.has(structure)).slice(0, 1);
  }

  resized() {
    super.resized();
    this.solid?.show();
  }

  // ---- what is pressed ----

  /** Wipe to a fraction of the views' width. */
  divide(fraction) {
    this.settings.divider = clamp(fraction, 0, 1);
    this.redraw();
  }

  clickedOther(button) {
    const { mode, metric } = button.dataset;
    if (mode) this.settings.mode = mode;
    if (metric) this.settings.metric = metric;
    if (metric) this.fillTable();
    if (button.classList.contains("uncertain")) this.settings.uncertain = !this.settings.uncertain;
  }

  isModeKey(letter) {
    return letter in MODE_KEYS;
  }

  actOn(key, isShifted, target) {
    const letter = key.toLowerCase();
    const isWiping = this.settings.mode === "swipe" && !isShifted && !target.matches("input");
    if (isWiping && ["ArrowLeft", "ArrowRight"].includes(key)) this.divide(this.settings.divider + (key === "ArrowLeft" ? -0.02 : 0.02));
    else if (letter in MODE_KEYS) this.find(`[data-mode="${MODE_KEYS[letter]}"]`).click();
    else if (letter === "v" && this.solid.isOn) return false;
    else return super.actOn(key, isShifted, target);
    return true;
  }

  readIn(panel, point) {
    const found = panel === "difference" ? [this.changesAt(point)] : super.readIn(panel, point);
    return [this.likely.read(point, panel), ...found];
  }

  /** For example "added by the note: PTV_High". */
  changesAt(point) {
    const changes = this.changes() ?? {};
    return Object.entries(changes)
      .map(([kind, arm]) => [this.words()[kind], this.structures().map((s) => s.name).filter((name) => arm.has(name, point))])
      .filter(([, names]) => names.length)
      .map(([words, names]) => `${words}: ${names.join(", ")}`)
      .join("; ");
  }
}

const viewer = new Bench(element.querySelector(".viewer"));
viewer.root.viewer = viewer;
watch("value", () => viewer.show(props.value));
viewer.show(props.value);
