// One plane of one panel: the slice, its contours, and what lies over them. `viewer` is the Viewer it belongs to.

/** One canvas: a plane of one panel, with letters, crosshair and scale bar laid over it. */
class View {
  constructor(viewer, views, plane) {
    this.viewer = viewer;
    this.box = views.appendChild(make("div", { className: "view" }));
    this.box.dataset.plane = plane;
    this.plane = PLANES[plane];
    this.panel = views.closest(".panel").dataset.panel;
    this.canvas = this.box.appendChild(make("canvas"));
    this.context = this.canvas.getContext("2d");
    this.size = [0, 0];
    for (const [edge, letter] of Object.entries(this.plane.letters)) this.lay("b", `letter ${edge}`, letter);
    this.lines = ["across", "up"].map((way) => this.lay("i", `cross ${way}`));
    this.scale = this.lay("span", "scale");
    this.scaleWords = this.scale.appendChild(make("em"));
    this.number = this.lay("span", "number");
    this.length = this.lay("span", "length");
    this.brush = this.panel === "edited" ? this.lay("i", "brush") : null;
    this.divider = this.panel === "swipe" ? newDivider(this) : null;
    new Gestures(this);
  }

  lay(tag, className, textContent = "") {
    return this.box.appendChild(make(tag, { className, textContent }));
  }

  /** Take the size the page gives it, zero while it is hidden. Not asked while drawing: that costs a layout. */
  resize() {
    const [width, height] = [this.box.clientWidth, this.box.clientHeight];
    const ratio = window.devicePixelRatio || 1;
    if (this.size[0] === width && this.size[1] === height && this.ratio === ratio) return;
    this.size = [width, height];
    this.ratio = ratio;
    this.drawn = "";
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  isShown() {
    return this.size[0] > 0 && this.size[1] > 0;
  }

  isLarge() {
    return this.box.dataset.plane === "axial" || this.viewer.enlarged === this.box.dataset.plane;
  }

  /** Pixels per mm such that the field fits, times the zoom. */
  pixelsPerMm() {
    const { ct, scene, camera } = this.viewer;
    const extent = ([axis, pixels]) => {
      const [low, high] = scene.field[AXES.indexOf(axis)];
      return pixels / ((high - low) * ct.spacing[axis]);
    };
    const fits = [[this.plane.across, this.size[0]], [this.plane.up, this.size[1]]].map(extent);
    return Math.min(...fits) * camera.zoom;
  }

  draw() {
    const { ct, cursor, camera, grey, ruler } = this.viewer;
    const { across, up, through } = this.plane;
    const [width, height] = this.size;
    const scale = this.pixelsPerMm();
    const key = this.key(scale);
    if (key === this.drawn) {
      this.placeOverlay();
      return;
    }
    this.drawn = key;
    // Where millimetre 0 of each axis lies on the screen: both run leftwards and upwards from there.
    const zero = [width / 2 + camera.centre[across] * scale, height / 2 + camera.centre[up] * scale];
    this.transform = { scale, zero };

    const context = this.inPixels();
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const shown = [ct.size[across] * ct.spacing[across] * scale, ct.size[up] * ct.spacing[up] * scale];
    const picture = ct.picture(this.box.dataset.plane, cursor[through], grey);
    context.drawImage(picture, zero[0] - shown[0], zero[1] - shown[1], shown[0], shown[1]);
    this.viewer.likely?.paint(this);
    new Drawing(this).paint();
    ruler.paint(this);
    this.placeOverlay();
  }

  /** All that a picture depends on: the same key needs no repainting, so scrolling one plane leaves the others be. */
  key(scale) {
    const { camera, cursor, grey, settings, hidden, shown, ruler, enlarged, likely, editor } = this.viewer;
    const seen = [camera.centre[this.plane.across], camera.centre[this.plane.up], cursor[this.plane.through]];
    const edit = [editor.isOn && this.viewer.chosen, this.panel === "edited" && editor.count];
    const marks = [settings.reference, settings.fill, likely?.paintedIn(this.panel), this.divider && settings.divider, enlarged, ...edit, ...hidden];
    const line = ruler.seen(this);
    const ends = line ? [...line.from, ...line.to] : [];
    return [...seen, ...this.size, this.ratio, scale, grey.key, shown, ...marks, "|", ...ends].join();
  }

  /** The context, with screen pixels as its unit. */
  inPixels() {
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    return this.context;
  }

  /** The context, with millimetres of the CT as its unit. */
  inMillimetres() {
    const { scale, zero } = this.transform;
    const factor = -scale * this.ratio;
    this.context.setTransform(factor, 0, 0, factor, zero[0] * this.ratio, zero[1] * this.ratio);
    return this.context;
  }

  placeOverlay() {
    const { ct, cursor, settings } = this.viewer;
    const { across, up, through } = this.plane;
    const { scale } = this.transform;
    const centre = [across, up].map((axis) => (cursor[axis] + 0.5) * ct.spacing[axis]);
    const [x, y] = this.pixel(centre).map(Math.round);
    this.lines[0].style.transform = `translateY(${y}px)`;
    this.lines[1].style.transform = `translateX(${x}px)`;
    const length = [100, 50, 20, 10, 5].find((mm) => mm * scale < this.size[0] * 0.34) ?? 2;
    this.scale.style.width = `${Math.round(length * scale)}px`;
    setText(this.scaleWords, `${length} mm`);
    setText(this.number, `${cursor[through] + 1} / ${ct.size[through]}`);
    if (this.brush) this.viewer.editor.placeBrush(this);
    if (this.divider) placeDivider(this.divider, settings.divider);
  }

  /** Pixels from the view's corner of a point given across and up, in mm. */
  pixel(mm) {
    const { scale, zero } = this.transform;
    return mm.map((value, n) => zero[n] - value * scale);
  }

  /** Where an event happened, in pixels from the view's corner. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** Across and up in mm of a place in pixels. */
  millimetres(place) {
    const { scale, zero } = this.transform;
    return place.map((value, n) => (zero[n] - value) / scale);
  }

  /** The voxel under a mouse event. */
  point(event) {
    const { ct, cursor } = this.viewer;
    const [across, up] = this.millimetres(this.place(event));
    const voxel = (axis, mm) => Math.floor(mm / ct.spacing[axis]);
    return {
      ...cursor,
      [this.plane.across]: voxel(this.plane.across, across),
      [this.plane.up]: voxel(this.plane.up, up),
    };
  }

  /** Move the camera so that a point in mm lies at a place in pixels. */
  pin(mm, place) {
    const scale = this.pixelsPerMm();
    for (const [n, axis] of [this.plane.across, this.plane.up].entries()) {
      this.viewer.camera.centre[axis] = mm[n] + (place[n] - this.size[n] / 2) / scale;
    }
    this.viewer.redraw();
  }
}

/** The line that a swipe wipes across: dragged, or moved by the arrow keys once it has the focus. */
function newDivider(view) {
  const divider = view.box.appendChild(make("div", { className: "divider", tabIndex: 0 }));
  const said = { role: "slider", "aria-label": "Divider: with the note on its left", "aria-valuemin": 0, "aria-valuemax": 100 };
  for (const [name, value] of Object.entries(said)) divider.setAttribute(name, value);
  divider.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) view.viewer.divide(view.place(event)[0] / view.size[0]);
  });
  return divider;
}

function placeDivider(divider, fraction) {
  divider.style.left = `${100 * fraction}%`;
  divider.setAttribute("aria-valuenow", Math.round(100 * fraction));
}
