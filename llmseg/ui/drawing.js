// How the contours of a panel are painted on one slice. Paths are in mm; the context's transform makes them pixels.

const DASHES = { text: [], "no-text": [1.5, 4], reference: [6, 4], edited: [], started: [2, 3] };
const PALE = ["reference", "started"]; // thin, and no line of their own colour
const QUIET = "rgba(232, 236, 241, 0.7)"; // lines that only say where things are, under what the note changed
const SECOND = "no-text"; // what stands in the second panel, with or without a comparison

/** What the note added and removed: told apart by colour, by solid or hatched filling, and by solid or dotted edge. */
const CHANGES = {
  added: { colour: "#56b4ff", dash: [], alpha: 0.42, isHatched: false },
  removed: { colour: "#ffb000", dash: [2, 3], alpha: 0.9, isHatched: true },
};

class Drawing {
  /** @param {View} view whose canvas is painted, as its `transform` says. */
  constructor(view) {
    this.view = view;
    this.viewer = view.viewer;
    this.context = view.context;
    this.scale = view.transform.scale;
    this.slice = this.viewer.cursor[view.plane.through];
  }

  paint() {
    const panel = this.view.panel;
    if (panel === "swipe") this.paintSwipe();
    else for (const name of this.viewer.armsOf(panel)) this.paintArm(name);
    if (panel === "difference") for (const name of ["removed", "added"]) this.paintChange(name);
  }

  /** The note's contours left of the divider, the others right of it. */
  paintSwipe() {
    const [width, height] = this.view.size;
    const divider = Math.round(width * this.viewer.settings.divider); // whole pixels: a soft edge costs twice the time
    const parts = { text: [0, divider], [SECOND]: [divider, width] };
    for (const name of this.viewer.armsOf("swipe")) {
      const [from, to] = parts[name] ?? [0, width];
      this.context.save();
      this.view.inPixels();
      this.context.beginPath();
      this.context.rect(from, 0, to - from, height);
      this.context.clip();
      this.paintArm(name);
      this.context.restore();
    }
  }

  outline(arm, structure) {
    return arm.outline(structure.name, this.view.box.dataset.plane, this.slice, this.viewer.ct.spacing);
  }

  paintArm(name) {
    this.view.inMillimetres();
    const arm = this.viewer.arms.get(name);
    const isBackground = this.view.panel === "difference";
    const isDotted = name === SECOND && this.view.panel === "overlaid";
    this.dash(name === SECOND && !isDotted ? [] : DASHES[name] ?? [], isDotted);
    for (const structure of this.viewer.structures()) {
      const line = this.outline(arm, structure);
      if (!line) continue;
      if (isBackground) this.stroke(line.path, 1, QUIET);
      else this.paintStructure(name, structure, line.path);
    }
  }

  paintStructure(name, structure, path) {
    const context = this.context;
    const { editor } = this.viewer;
    const isPale = PALE.includes(name);
    if ((this.viewer.settings.fill && !isPale) || (name === "edited" && editor.isOn && structure.name === this.viewer.chosen)) {
      context.globalAlpha = name === SECOND && this.view.panel === "overlaid" ? 0.16 : 0.3;
      context.fillStyle = structure.colour;
      context.fill(path);
      context.globalAlpha = 1;
    }
    const pixels = (structure.kind === "target" ? 2.2 : 1.5) - (isPale ? 0.4 : 0);
    // A dark rim keeps a line visible on bone and on its neighbours; in the small views it would fill them.
    if (!isPale && this.view.isLarge()) this.stroke(path, pixels + 1.6, "rgba(0, 0, 0, 0.55)");
    this.stroke(path, pixels, isPale ? structure.pale : structure.colour);
  }

  /** All structures' changes of one kind as one area, so that nested targets do not add up to a thicker one. */
  paintChange(name) {
    const arm = this.viewer.changes()?.[name];
    if (!arm) return;
    const { scale, zero } = this.view.transform;
    const pixels = new DOMMatrix([-scale, 0, 0, -scale, ...zero]);
    const area = new Path2D();
    for (const structure of this.viewer.structures()) {
      const line = this.outline(arm, structure);
      if (line) area.addPath(line.path, pixels);
    }
    const context = this.view.inPixels();
    const { colour, dash, alpha, isHatched } = CHANGES[name];
    context.globalAlpha = alpha;
    context.fillStyle = isHatched ? this.hatch(colour) : colour;
    context.fill(area);
    context.globalAlpha = 1;
    context.setLineDash(dash);
    context.lineCap = "butt";
    context.lineWidth = 1.5;
    context.strokeStyle = colour;
    context.stroke(area);
  }

  /** Slanting lines a few pixels apart at any zoom, fixed to the picture; in whole pixels, which need no resampling. */
  hatch(colour) {
    const pattern = this.context.createPattern(hatching(colour), "repeat");
    pattern.setTransform(new DOMMatrix([1, 0, 0, 1, ...this.view.transform.zero.map(Math.round)]));
    return pattern;
  }

  dash(lengths, isRound) {
    this.context.lineJoin = "bevel";
    this.context.setLineDash(lengths.map((length) => length / this.scale));
    this.context.lineCap = isRound ? "round" : "butt";
  }

  stroke(path, pixels, colour) {
    this.context.strokeStyle = colour;
    this.context.lineWidth = pixels / this.scale;
    this.context.stroke(path);
  }
}

function hatching(colour) {
  const side = 7;
  const tile = make("canvas", { width: side, height: side });
  const context = tile.getContext("2d");
  // Dark between the lines: on soft tissue they are as light as what lies under them.
  context.fillStyle = "rgba(0, 0, 0, 0.45)";
  context.fillRect(0, 0, side, side);
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  // Three strokes, so that the tile's corners meet its neighbours'.
  for (const shift of [-side, 0, side]) {
    context.moveTo(shift - 1, side + 1);
    context.lineTo(shift + side + 1, -1);
  }
  context.stroke();
  return tile;
}
