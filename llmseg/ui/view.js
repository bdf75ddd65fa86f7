// One plane of one panel: the slice, its contours, and what lies over them. `viewer` is the Viewer it belongs to.

const DASHES = { text: [], "no-text": [1.5, 4], reference: [6, 4] };

/** One canvas: a plane of one panel, with letters, crosshair and scale bar laid over it. */
class View {
  constructor(viewer, box) {
    this.viewer = viewer;
    this.box = box;
    this.plane = PLANES[box.dataset.plane];
    this.panel = box.closest(".panel").dataset.panel;
    this.canvas = box.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.size = [0, 0];
    for (const [edge, letter] of Object.entries(this.plane.letters)) {
      box.append(make("b", { className: `letter ${edge}`, textContent: letter }));
    }
    this.lines = ["across", "up"].map((way) => box.appendChild(make("i", { className: `cross ${way}` })));
    this.scale = box.appendChild(make("span", { className: "scale" }));
    this.number = box.appendChild(make("span", { className: "number" }));
    this.listen();
  }

  /** Take the size the page gives it, zero while its panel is hidden. Not asked while drawing: that costs a layout. */
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
    const { ct, cursor, camera, grey } = this.viewer;
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

    const context = this.context;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const shown = [ct.size[across] * ct.spacing[across] * scale, ct.size[up] * ct.spacing[up] * scale];
    const picture = ct.picture(this.box.dataset.plane, cursor[through], grey);
    context.drawImage(picture, zero[0] - shown[0], zero[1] - shown[1], shown[0], shown[1]);
    for (const arm of this.viewer.armsOf(this.panel)) this.strokeArm(arm);
    this.placeOverlay();
  }

  /** All that a picture depends on: the same key needs no repainting, so scrolling one plane leaves the others be. */
  key(scale) {
    const { camera, cursor, grey, settings, hidden, shown } = this.viewer;
    const seen = [camera.centre[this.plane.across], camera.centre[this.plane.up], cursor[this.plane.through]];
    return [...seen, ...this.size, this.ratio, scale, grey.key, settings.reference, [...hidden], shown].join();
  }

  strokeArm(name) {
    const { ct, cursor } = this.viewer;
    const arm = this.viewer.arms.get(name);
    const { scale, zero } = this.transform;
    const context = this.context;
    const ratio = this.ratio;
    context.setTransform(-scale * ratio, 0, 0, -scale * ratio, zero[0] * ratio, zero[1] * ratio);
    context.lineJoin = "bevel";
    const dash = name === "no-text" && this.panel !== "overlaid" ? [] : DASHES[name];
    context.setLineDash(dash.map((length) => length / scale));
    context.lineCap = name === "no-text" && dash.length ? "round" : "butt";
    for (const structure of this.viewer.structures()) {
      const line = arm.outline(structure.name, this.box.dataset.plane, cursor[this.plane.through], ct.spacing);
      if (!line) continue;
      const pixels = (structure.kind === "target" ? 2.2 : 1.5) - (name === "reference" ? 0.4 : 0);
      if (name !== "reference" && this.box.dataset.plane === "axial") {
        // A dark rim keeps a line visible on bone and on its neighbours; in the small views it would fill them.
        context.strokeStyle = "rgba(0, 0, 0, 0.55)";
        context.lineWidth = (pixels + 1.6) / scale;
        context.stroke(line.path);
      }
      context.strokeStyle = name === "reference" ? structure.pale : structure.colour;
      context.lineWidth = pixels / scale;
      context.stroke(line.path);
    }
  }

  placeOverlay() {
    const { ct, cursor } = this.viewer;
    const { scale, zero } = this.transform;
    const { across, up, through } = this.plane;
    const centre = (axis) => (cursor[axis] + 0.5) * ct.spacing[axis] * scale;
    this.lines[0].style.transform = `translateY(${Math.round(zero[1] - centre(up))}px)`;
    this.lines[1].style.transform = `translateX(${Math.round(zero[0] - centre(across))}px)`;
    const length = [100, 50, 20, 10, 5].find((mm) => mm * scale < this.size[0] * 0.34) ?? 2;
    this.scale.style.width = `${Math.round(length * scale)}px`;
    setText(this.scale, `${length} mm`);
    setText(this.number, `${cursor[through] + 1} / ${ct.size[through]}`);
  }

  /** The voxel under a mouse event. */
  point(event) {
    if (!this.transform) return null;
    const { ct, cursor } = this.viewer;
    const box = this.canvas.getBoundingClientRect();
    const { scale, zero } = this.transform;
    const voxel = (axis, mm) => Math.floor(mm / ct.spacing[axis]);
    return {
      ...cursor,
      [this.plane.across]: voxel(this.plane.across, (zero[0] - (event.clientX - box.left)) / scale),
      [this.plane.up]: voxel(this.plane.up, (zero[1] - (event.clientY - box.top)) / scale),
    };
  }

  listen() {
    const box = this.box;
    box.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    box.addEventListener("contextmenu", (event) => event.preventDefault());
    box.addEventListener("pointerdown", (event) => this.grabbed(event));
    box.addEventListener("pointermove", (event) => this.moved(event));
    box.addEventListener("pointerup", () => (this.drag = undefined));
    box.addEventListener("pointercancel", () => (this.drag = undefined));
    box.addEventListener("pointerleave", () => this.viewer.ct && this.viewer.read(null));
    box.addEventListener("dblclick", () => this.viewer.ct && this.viewer.fit());
  }

  wheeled(event) {
    if (!this.viewer.ct || !event.deltaY) return;
    event.preventDefault();
    if (event.ctrlKey) {
      this.zoomAt(event, event.deltaY < 0 ? 1.15 : 1 / 1.15);
      return;
    }
    // A mouse sends one notch, a touchpad many small steps: both move about one slice per 40 px.
    this.travel = (Math.abs(event.deltaY) >= 40 ? 0 : this.travel ?? 0) + clamp(event.deltaY, -60, 60);
    if (Math.abs(this.travel) < 40) return;
    this.viewer.move(this.plane.through, this.travel > 0 ? -1 : 1);
    this.travel = 0;
  }

  /** Zoom so that what lies under the mouse stays there. */
  zoomAt(event, factor) {
    const { camera } = this.viewer;
    const box = this.canvas.getBoundingClientRect();
    const before = this.pixelsPerMm();
    this.viewer.zoomBy(factor);
    const after = this.pixelsPerMm();
    const away = [event.clientX - box.left - this.size[0] / 2, event.clientY - box.top - this.size[1] / 2];
    camera.centre[this.plane.across] -= away[0] / before - away[0] / after;
    camera.centre[this.plane.up] -= away[1] / before - away[1] / after;
  }

  grabbed(event) {
    if (!this.viewer.ct) return;
    this.viewer.root.focus({ preventScroll: true });
    this.box.setPointerCapture(event.pointerId);
    const isPan = event.button === 1 || (event.button === 0 && event.shiftKey);
    const kind = isPan ? "pan" : event.button === 2 ? "window" : "cross";
    const { camera, settings } = this.viewer;
    this.drag = { kind, x: event.clientX, y: event.clientY, window: settings.window.slice(), centre: { ...camera.centre } };
    if (kind === "cross") this.moved(event);
    event.preventDefault();
  }

  moved(event) {
    const viewer = this.viewer;
    if (!viewer.ct || !this.transform) return;
    const point = this.point(event);
    if (!this.drag) {
      viewer.read(point, this.panel);
      return;
    }
    const [dx, dy] = [event.clientX - this.drag.x, event.clientY - this.drag.y];
    if (this.drag.kind === "window") {
      viewer.setWindow(this.drag.window[0] + 4 * dx, this.drag.window[1] - 2 * dy);
    } else if (this.drag.kind === "pan") {
      viewer.camera.centre[this.plane.across] = this.drag.centre[this.plane.across] + dx / this.transform.scale;
      viewer.camera.centre[this.plane.up] = this.drag.centre[this.plane.up] + dy / this.transform.scale;
      viewer.redraw();
    } else {
      for (const axis of AXES) viewer.cursor[axis] = clamp(point[axis], 0, viewer.ct.size[axis] - 1);
      viewer.read(viewer.cursor, this.panel);
      viewer.redraw();
    }
  }
}

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
