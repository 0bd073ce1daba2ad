// Small systems of linear equations.

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
