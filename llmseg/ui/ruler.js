// The measuring tool: one line on one slice, its length in mm.

class Ruler {
  constructor() {
    this.isOn = false;
    this.line = null;
  }

  /** @param {number[]} from across and up, in mm. */
  begin(plane, slice, from) {
    this.line = { plane, slice, from, to: from };
  }

  length() {
    return this.line ? Math.hypot(this.line.to[0] - this.line.from[0], this.line.to[1] - this.line.from[1]) : 0;
  }

  text() {
    return this.line ? `${this.length().toFixed(1)} mm` : "";
  }

  clear() {
    this.line = null;
  }

  /** The line as one view sees it, or null: the same in both panels. */
  seen(view) {
    const line = this.line;
    if (!line || line.plane !== view.box.dataset.plane) return null;
    return line.slice === view.viewer.cursor[view.plane.through] ? line : null;
  }

  paint(view) {
    const line = this.seen(view);
    setText(view.length, line ? this.text() : "");
    if (!line) return;
    const [from, to] = [view.pixel(line.from), view.pixel(line.to)];
    const pixels = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
    const tick = [(5 * (to[1] - from[1])) / pixels, (-5 * (to[0] - from[0])) / pixels];
    const context = view.inPixels();
    context.setLineDash([]);
    context.beginPath();
    for (const [a, b] of [[from, to], ...[from, to].map((end) => [plus(end, tick, 1), plus(end, tick, -1)])]) {
      context.moveTo(...a);
      context.lineTo(...b);
    }
    for (const [width, colour] of [[4, "rgba(0, 0, 0, 0.7)"], [1.6, "#ffffff"]]) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
    const place = [Math.max(from[0], to[0]) + 8, (from[1] + to[1]) / 2 - 9];
    const most = [view.size[0] - 62, view.size[1] - 20];
    view.length.style.transform = `translate(${place.map((v, n) => Math.round(clamp(v, 2, most[n]))).join("px, ")}px)`;
  }
}

function plus(point, step, times) {
  return point.map((value, n) => value + times * step[n]);
}
