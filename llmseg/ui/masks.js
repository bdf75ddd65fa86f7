// What hands do to a mask, as functions that know nothing of the page. A mask is {low, size, voxels} (see Arm), a point
// of it an index of the whole CT, so that it stays true when the mask's box grows.

const FAR = 1e20; // mm², more than any CT has

/** Calls `visit(u, v)` for each cell whose middle lies within `radius` of the way between two points, and for the one
 *  that the way ends in.
 *  @param {number[]} from across and up, in mm, like `to`, `radius` and the cells' edges `cell`.
 *  @param {number[]} count of cells across and up. */
function eachUnder(from, to, radius, cell, count, visit) {
  const span = [0, 1].map((n) => [
    Math.max(Math.floor((Math.min(from[n], to[n]) - radius) / cell[n]), 0),
    Math.min(Math.floor((Math.max(from[n], to[n]) + radius) / cell[n]), count[n] - 1),
  ]);
  const way = [to[0] - from[0], to[1] - from[1]];
  const squared = way[0] ** 2 + way[1] ** 2;
  const end = to.map((value, n) => Math.floor(value / cell[n]));
  for (let v = span[1][0]; v <= span[1][1]; v++) {
    for (let u = span[0][0]; u <= span[0][1]; u++) {
      const [x, y] = [(u + 0.5) * cell[0] - from[0], (v + 0.5) * cell[1] - from[1]];
      const part = squared ? clamp((x * way[0] + y * way[1]) / squared, 0, 1) : 0;
      const isUnder = (x - part * way[0]) ** 2 + (y - part * way[1]) ** 2 <= radius ** 2;
      if (isUnder || (u === end[0] && v === end[1])) visit(u, v);
    }
  }
}

/** A mask that covers the box from `low` to one before `high` too; the same one if it does already. */
function grown(mask, low, high) {
  if (!mask) return { low: low.slice(), size: high.map((end, n) => end - low[n]), voxels: new Uint8Array(volumeOf(low, high)) };
  const from = mask.low.map((first, n) => Math.min(first, low[n]));
  const to = mask.low.map((first, n) => Math.max(first + mask.size[n], high[n]));
  if (volumeOf(from, to) === mask.voxels.length) return mask;
  const size = to.map((end, n) => end - from[n]);
  const voxels = new Uint8Array(volumeOf(from, to));
  const [x, y, z] = mask.low.map((first, n) => first - from[n]);
  for (let row = 0; row < mask.size[1] * mask.size[2]; row++) {
    const [j, k] = [row % mask.size[1], Math.floor(row / mask.size[1])];
    const source = row * mask.size[0];
    voxels.set(mask.voxels.subarray(source, source + mask.size[0]), x + size[0] * (y + j + size[1] * (z + k)));
  }
  return { low: from, size, voxels };
}

function volumeOf(low, high) {
  return high.reduce((product, end, n) => product * (end - low[n]), 1);
}

/** The box around indices of a CT of `size` ({x, y, z}): [low, high), three numbers each. */
function boundsOf(indices, size) {
  const [low, high] = [[Infinity, Infinity, Infinity], [0, 0, 0]];
  for (const index of indices) {
    const row = Math.floor(index / size.x);
    const point = [index - row * size.x, row % size.y, Math.floor(row / size.y)];
    for (let n = 0; n < 3; n++) {
      if (point[n] < low[n]) low[n] = point[n];
      if (point[n] >= high[n]) high[n] = point[n] + 1;
    }
  }
  return [low, high];
}

/** Turn voxels over, and say by how many the mask has grown. The mask's box must hold them all. */
function flip(mask, indices, size) {
  let more = 0;
  for (const index of indices) {
    const row = Math.floor(index / size.x);
    const [x, y, z] = [index - row * size.x, row % size.y, Math.floor(row / size.y)];
    const n = x - mask.low[0] + mask.size[0] * (y - mask.low[1] + mask.size[1] * (z - mask.low[2]));
    mask.voxels[n] ^= 1;
    more += mask.voxels[n] ? 1 : -1;
  }
  return more;
}

function holds(mask, x, y, z) {
  if (!mask) return 0;
  const [i, j, k] = [x - mask.low[0], y - mask.low[1], z - mask.low[2]];
  if (i < 0 || j < 0 || k < 0 || i >= mask.size[0] || j >= mask.size[1] || k >= mask.size[2]) return 0;
  return mask.voxels[i + mask.size[0] * (j + mask.size[1] * k)];
}

/** Voxels of a mask on one axial slice. */
function areaOf(mask, z) {
  const k = z - (mask?.low[2] ?? 0);
  if (!mask || k < 0 || k >= mask.size[2]) return 0;
  const side = mask.size[0] * mask.size[1];
  return mask.voxels.subarray(k * side, (k + 1) * side).reduce((sum, voxel) => sum + voxel, 0);
}

/** Indices of the CT at which two masks differ. */
function differences(first, second, size) {
  const found = [];
  const visit = (mask, other) => {
    if (!mask) return;
    let n = 0;
    for (let z = mask.low[2]; z < mask.low[2] + mask.size[2]; z++) {
      for (let y = mask.low[1]; y < mask.low[1] + mask.size[1]; y++) {
        for (let x = mask.low[0]; x < mask.low[0] + mask.size[0]; x++, n++) {
          if (mask.voxels[n] && !holds(other, x, y, z)) found.push(x + size.x * (y + size.y * z));
        }
      }
    }
  };
  visit(first, second);
  visit(second, first);
  return found;
}

/** What a mask has on one slice of a plane, in its box and a border of one empty cell: {size, low, cells}. */
function layerOf(mask, plane, slice) {
  const [across, up, through] = [plane.across, plane.up, plane.through].map((axis) => AXES.indexOf(axis));
  const size = [mask.size[across] + 2, mask.size[up] + 2];
  const cells = new Uint8Array(size[0] * size[1]);
  const point = [0, 0, 0];
  point[through] = slice;
  for (let v = 0; v < size[1]; v++) {
    for (let u = 0; u < size[0]; u++) {
      point[across] = mask.low[across] + u - 1;
      point[up] = mask.low[up] + v - 1;
      cells[u + size[0] * v] = holds(mask, ...point);
    }
  }
  return { size, low: [mask.low[across] - 1, mask.low[up] - 1], cells };
}

/** How deep inside a shape each cell lies, in mm; negative outside it. */
function depths(layer, edges) {
  const [inside, outside] = [0, 1].map((kind) => squaredTo(layer, kind, edges));
  return inside.map((squared, n) => Math.sqrt(squared) - Math.sqrt(outside[n]));
}

/** Squared mm from each cell to the nearest one of a kind. Source: Felzenszwalb and Huttenlocher 2012. */
function squaredTo({ size, cells }, kind, edges) {
  const squared = Float64Array.from(cells, (cell) => (cell === kind ? 0 : FAR));
  for (let v = 0; v < size[1]; v++) lowerEnvelope(squared, v * size[0], 1, size[0], edges[0]);
  for (let u = 0; u < size[0]; u++) lowerEnvelope(squared, u, size[0], size[1], edges[1]);
  return squared;
}

/** One row or column: the least of the parabolas that stand on its cells. */
function lowerEnvelope(values, start, step, count, edge) {
  const heights = Float64Array.from({ length: count }, (_, n) => values[start + n * step]);
  const [stands, begins] = [new Int32Array(count), new Float64Array(count + 1)];
  const meet = (p, q) => (heights[q] - heights[p]) / (2 * edge * edge * (q - p)) + (p + q) / 2;
  let last = 0;
  begins[0] = -Infinity;
  for (let q = 1; q < count; q++) {
    let from = meet(stands[last], q);
    while (last && from <= begins[last]) from = meet(stands[--last], q);
    stands[++last] = q;
    begins[last] = from;
  }
  for (let n = 0, k = 0; n < count; n++) {
    while (k < last && begins[k + 1] < n) k++;
    values[start + n * step] = (edge * (n - stands[k])) ** 2 + heights[stands[k]];
  }
}

/** The shapes between two slices, each as cells, nearest to the first one first.
 *  Source: shape-based interpolation, Raya and Udupa 1990. */
function shapesBetween(first, second, count, edges) {
  const [a, b] = [depths(first, edges), depths(second, edges)];
  return Array.from({ length: count }, (_, n) => {
    const part = (n + 1) / (count + 1);
    return Uint8Array.from(a, (depth, cell) => ((1 - part) * depth + part * b[cell] > 0 ? 1 : 0));
  });
}

/** Masks as Python unpacks them: the table of their boxes, and gzip of their bits in base64. */
async function packMasks(masks) {
  const table = [];
  const chunks = [];
  for (const [name, mask] of masks) {
    const [low, high] = occupied(mask);
    const isEmpty = !mask || low[0] === Infinity;
    table.push({ name, box: isEmpty ? null : low.map((first, n) => [first, high[n]]) });
    if (!isEmpty) chunks.push(bitsOf(mask, low, high));
  }
  const zipped = new Blob(chunks).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(zipped).arrayBuffer());
  let text = "";
  for (let n = 0; n < bytes.length; n += 8192) text += String.fromCharCode(...bytes.subarray(n, n + 8192));
  return { table, bits: btoa(text) };
}

/** The box around a mask's own voxels. */
function occupied(mask) {
  const [low, high] = [[Infinity, Infinity, Infinity], [0, 0, 0]];
  mask?.voxels.forEach((voxel, n) => {
    if (!voxel) return;
    const row = Math.floor(n / mask.size[0]);
    const point = [n - row * mask.size[0], row % mask.size[1], Math.floor(row / mask.size[1])];
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis], mask.low[axis] + point[axis]);
      high[axis] = Math.max(high[axis], mask.low[axis] + point[axis] + 1);
    }
  });
  return [low, high];
}

function bitsOf(mask, low, high) {
  const bits = new Uint8Array(Math.ceil(volumeOf(low, high) / 8));
  let n = 0;
  for (let z = low[2]; z < high[2]; z++) {
    for (let y = low[1]; y < high[1]; y++) {
      for (let x = low[0]; x < high[0]; x++, n++) if (holds(mask, x, y, z)) bits[n >> 3] |= 1 << (n & 7);
    }
  }
  return bits;
}
