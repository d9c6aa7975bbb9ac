/** Plain-loop definitions of lib/ops: images are nested arrays [row][column][channel]. */

export type Image = number[][][];

export function bilinear(image: Image, x: number, y: number, padding: "border" | "zeros") {
  const rows = image.length;
  const columns = image[0].length;
  if (padding === "border") {
    x = x < 0 ? 0 : x > columns - 1 ? columns - 1 : x;
    y = y < 0 ? 0 : y > rows - 1 ? rows - 1 : y;
  }
  return image[0][0].map((_, c) => {
    let sum = 0;
    // A tent of radius one around the position, over every pixel there is.
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < columns; k++) {
        const share = Math.max(0, 1 - Math.abs(x - k)) * Math.max(0, 1 - Math.abs(y - r));
        sum += share * image[r][k][c];
      }
    }
    return sum;
  });
}

export function mirror(index: number, size: number): number {
  if (index < 0) return -index;
  return index >= size ? 2 * size - 2 - index : index;
}

/** SSIM of one channel of two images at one pixel, from the definition of mean and variance. */
export function similarityAt(a: Image, b: Image, row: number, column: number, c: number): number {
  const pairs: [number, number][] = [];
  for (const dr of [-1, 0, 1]) {
    for (const dc of [-1, 0, 1]) {
      const r = mirror(row + dr, a.length);
      const k = mirror(column + dc, a[0].length);
      pairs.push([a[r][k][c], b[r][k][c]]);
    }
  }
  const mean = (f: (p: [number, number]) => number) => pairs.reduce((s, p) => s + f(p), 0) / 9;
  const ma = mean(([p]) => p);
  const mb = mean(([, q]) => q);
  const vaa = mean(([p]) => (p - ma) ** 2);
  const vbb = mean(([, q]) => (q - mb) ** 2);
  const vab = mean(([p, q]) => (p - ma) * (q - mb));
  return (2 * ma * mb + 1e-4) * (2 * vab + 9e-4) /
    ((ma ** 2 + mb ** 2 + 1e-4) * (vaa + vbb + 9e-4));
}

/** Half-pixel bilinear resizing of one image. */
export function resized(image: Image, rows: number, columns: number): Image {
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, k) =>
      bilinear(
        image,
        (k + 0.5) * image[0].length / columns - 0.5,
        (r + 0.5) * image.length / rows - 0.5,
        "border",
      )));
}
