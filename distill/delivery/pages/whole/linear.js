// Small systems of linear equations, and what follows from them.

// The x of matrix x = values, by elimination with the largest pivot.
export function solved(matrix, values) {
  const rows = matrix.map((row, i) => [...row, values[i]]);
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let i = k + 1; i < n; i++) {
      const share = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= share * rows[k][j];
    }
  }
  const found = Array(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    found[k] = (rows[k][n] - rows[k].slice(k + 1, n).reduce((sum, c, j) => sum + c * found[k + 1 + j], 0)) / rows[k][k];
  }
  return found;
}

// The map of perspective that takes four points to four others; it puts the place of (u, v) into its third argument:
// x = (a u + b v + c) / (g u + h v + 1), y likewise.
export function perspective(from, to) {
  const rows = from.flatMap(([u, v], i) => [
    [u, v, 1, 0, 0, 0, -u * to[i][0], -v * to[i][0]],
    [0, 0, 0, u, v, 1, -u * to[i][1], -v * to[i][1]],
  ]);
  const [a, b, c, d, e, f, g, h] = solved(rows, to.flat());
  return (u, v, place) => {
    const depth = g * u + h * v + 1;
    place[0] = (a * u + b * v + c) / depth;
    place[1] = (d * u + e * v + f) / depth;
  };
}
