// The strip under the panels: on every axial slice, whether targets lie there and how well one structure agrees.
// The slice slider lies over it, so a click or an arrow key goes to a slice.

const LANE_PX = 4; // per target
const EDGE_PX = 1.5; // half of the slider's thumb
const NUMBERS = { with: ["text", "overlap"], without: ["no-text"], "by-hand": ["edited"] }; // below the name: line by dot

class Strip {
  constructor(viewer) {
    this.viewer = viewer;
    this.canvas = viewer.find(".strip canvas");
    this.slider = viewer.find(".slices");
    this.slider.addEventListener("input", () => {
      viewer.cursor.z = Number(this.slider.value);
      viewer.redraw();
    });
    this.slider.addEventListener("pointermove", (event) => viewer.ct && viewer.say(this.told(this.sliceAt(event)), ".readout"));
    this.slider.addEventListener("pointerleave", () => viewer.say("", ".readout"));
  }

  /** Draw anew if anything but the slice has changed, and put the thumb and the numbers on the slice. */
  show() {
    const { viewer, canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const ratio = window.devicePixelRatio || 1;
    const of = [viewer.shown, viewer.chosen].join();
    if (of !== this.of) ({ what: this.what, lines: this.series } = viewer.series());
    this.name();
    const key = [of, width, height, ratio].join();
    if (key !== this.drawn && width) this.draw(width, height, ratio);
    [this.of, this.drawn] = [of, key];
  }

  /** What is drawn by hand has changed. */
  refresh() {
    this.of = "";
    this.drawn = "";
    this.show();
    this.place();
  }

  name() {
    const { viewer } = this;
    const structure = viewer.scene.structures.find((s) => s.name === viewer.chosen);
    setText(viewer.find(".strip-name"), viewer.chosen);
    viewer.find(".strip-name").style.borderColor = structure?.colour ?? "transparent";
    if (!viewer.find(".strip-values")) return;
    setText(viewer.find(".strip-what"), this.what);
    for (const [dot, [name]] of Object.entries(NUMBERS)) viewer.find(`.strip-values .dot.${dot}`).hidden = !(name in this.series);
  }

  place() {
    const { z } = this.viewer.cursor;
    this.slider.value = z;
    this.slider.setAttribute("aria-valuetext", `${z + 1} of ${this.viewer.ct.size.z}`);
    for (const [dot, names] of Object.entries(NUMBERS)) {
      const place = this.viewer.find(`.strip-${dot}`);
      if (place) setText(place, names.map((name) => this.number(name, z)).find(Boolean) ?? "");
    }
  }

  number(name, z) {
    const values = this.series[name];
    return !values ? "" : Number.isNaN(values[z]) ? "–" : values[z].toFixed(2);
  }

  /** One line for the slice under the mouse. */
  told(z) {
    const { chosen, root } = this.viewer;
    const second = (root.dataset.second || "without the note").replace(/^W/, "w");
    const parts = { text: "with the note", "no-text": second, edited: "edited", overlap: "overlap of the two" };
    const numbers = Object.keys(this.series).map((name) => `${this.number(name, z)} ${parts[name]}`);
    if (!numbers.length) return `Slice ${z + 1}`;
    return [`Slice ${z + 1}`, `${chosen}: ${this.what === "DSC" ? "DSC " : ""}${numbers.join(", ")}`].join("   ");
  }

  sliceAt(event) {
    const box = this.slider.getBoundingClientRect();
    const last = this.viewer.ct.size.z - 1;
    return clamp(Math.round(((event.clientX - box.left - EDGE_PX) / (box.width - 2 * EDGE_PX)) * last), 0, last);
  }

  draw(width, height, ratio) {
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const step = (width - 2 * EDGE_PX) / Math.max(this.viewer.ct.size.z - 1, 1);
    const lanes = this.drawLanes(context, step);
    this.drawSeries(context, step, width, { top: lanes + 4, bottom: height - 3 });
  }

  /** One line per target, where its contour lies; and one for an organ that was chosen. */
  drawLanes(context, step) {
    const { scene, chosen, ct } = this.viewer;
    const shown = scene.structures.filter((s) => s.kind === "target" || s.name === chosen);
    let top = 2;
    for (const structure of shown) {
      context.fillStyle = structure.colour;
      for (const arm of this.viewer.lanes(structure.name)) {
        arm.areas(structure.name, ct.size.z).forEach((area, z) => area && context.fillRect(EDGE_PX + (z - 0.5) * step, top, step + 0.5, LANE_PX - 1));
      }
      top += LANE_PX;
    }
    return top;
  }

  drawSeries(context, step, width, { top, bottom }) {
    if (!Object.keys(this.series).length) return;
    context.fillStyle = "rgba(255, 255, 255, 0.13)";
    for (const y of [top, bottom]) context.fillRect(0, Math.round(y), width, 1);
    const styles = { "no-text": ["--without", [2, 2.5]], text: ["--with", []], edited: ["--by-hand", []], overlap: ["--text", []] };
    const colours = getComputedStyle(this.viewer.root);
    for (const [name, [colour, dash]] of Object.entries(styles)) {
      if (!this.series[name]) continue;
      context.strokeStyle = colours.getPropertyValue(colour);
      context.setLineDash(dash);
      context.lineWidth = 1.8;
      context.beginPath();
      let wasDrawn = false;
      this.series[name].forEach((value, z) => {
        const y = bottom - value * (bottom - top);
        if (!Number.isNaN(value)) context[wasDrawn ? "lineTo" : "moveTo"](EDGE_PX + z * step, y);
        // A lone slice still shows, as a dot of the line's own width.
        if (!Number.isNaN(value) && !wasDrawn) context.lineTo(EDGE_PX + z * step + 0.5, y);
        wasDrawn = !Number.isNaN(value);
      });
      context.stroke();
    }
  }
}
