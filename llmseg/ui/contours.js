// Outlines of a binary mask by marching squares, linked into closed loops and smoothed.
//
// The control points are the middles of the voxel edges that the outline crosses. The drawn curve is the quadratic
// B-spline of those points, so it stays within a quarter of a voxel of the mask's true edge.

/**
 * Closed loops around the ones of a mask.
 * @param {Uint8Array} grid 0 or 1, `width` fastest, with a border of zeros one cell wide.
 * @returns {Float32Array[]} one array of u0, v0, u1, v1, ... per loop, in cells of the grid (0 is the border's centre).
 */
function traceLoops(grid, width, height) {
  const { next, crossed } = linkEdges(grid, width, height);
  const loops = [];
  const points = new Float32Array(2 * crossed.length);
  let end = 0;
  for (const first of crossed) {
    const start = end;
    for (let edge = first; next[edge] >= 0; ) {
      const cell = edge >> 1;
      const v = (cell / width) | 0;
      const half = edge & 1 ? 0 : 0.5;
      points[end++] = cell - v * width + half;
      points[end++] = v + 0.5 - half;
      const following = next[edge];
      next[edge] = -1; // followed, and clean for the next mask
      edge = following;
    }
    if (end > start) loops.push(points.subarray(start, end));
  }
  return loops;
}

let scratch = new Int32Array(0);

// For each crossed edge the edge that follows it, with the inside always on the same hand; -1 elsewhere.
// Edge 2n lies between cell n and its right neighbour, edge 2n + 1 between cell n and the one below.
function linkEdges(grid, width, height) {
  if (scratch.length < 2 * width * height) scratch = new Int32Array(2 * width * height).fill(-1);
  const next = scratch;
  const crossed = [];
  const link = (from, to) => {
    next[from] = to;
    crossed.push(from);
  };
  for (let v = 0; v < height - 1; v++) {
    for (let n = v * width; n < (v + 1) * width - 1; n++) {
      const code = grid[n] | (grid[n + 1] << 1) | (grid[n + width + 1] << 2) | (grid[n + width] << 3);
      if (code === 0 || code === 15) continue;
      const top = 2 * n, left = 2 * n + 1, right = 2 * n + 3, bottom = 2 * (n + width);
      switch (code) {
        case 1: link(left, top); break;
        case 2: link(top, right); break;
        case 3: link(left, right); break;
        case 4: link(right, bottom); break;
        case 5: link(left, top); link(right, bottom); break;
        case 6: link(top, bottom); break;
        case 7: link(left, bottom); break;
        case 8: link(bottom, left); break;
        case 9: link(bottom, top); break;
        case 10: link(top, right); link(bottom, left); break;
        case 11: link(bottom, right); break;
        case 12: link(right, left); break;
        case 13: link(right, top); break;
        case 14: link(top, left); break;
      }
    }
  }
  return { next, crossed };
}

/**
 * One slice's outline, ready to stroke in millimetres.
 * @param {Float32Array[]} loops from `traceLoops`.
 * @param {{u: number, v: number, du: number, dv: number}} place of cell (0, 0) and size of a cell, in mm.
 * @returns {{path: Path2D, points: number, hash: number}}
 */
function outline(loops, place) {
  const path = new Path2D();
  let points = 0;
  let hash = 2166136261;
  for (const loop of loops) {
    const last = loop.length - 2;
    let u = place.u + loop[last] * place.du;
    let v = place.v + loop[last + 1] * place.dv;
    let aheadU = place.u + loop[0] * place.du;
    let aheadV = place.v + loop[1] * place.dv;
    path.moveTo((u + aheadU) / 2, (v + aheadV) / 2);
    for (let k = 2; k <= loop.length; k += 2) {
      [u, v] = [aheadU, aheadV];
      aheadU = place.u + loop[k % loop.length] * place.du;
      aheadV = place.v + loop[(k + 1) % loop.length] * place.dv;
      path.quadraticCurveTo(u, v, (u + aheadU) / 2, (v + aheadV) / 2);
      hash = Math.imul(hash ^ Math.round(u * 8), 16777619);
      hash = Math.imul(hash ^ Math.round(v * 8), 16777619);
    }
    path.closePath();
    points += loop.length / 2;
  }
  return { path, points, hash: hash >>> 0 };
}
