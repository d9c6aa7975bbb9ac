/** Labels by flooding from each pixel in raster order, the plain definition. */
export function floodFill(
  map: Float32Array,
  height: number,
  width: number,
  connectivity: 4 | 8,
  maxJump: number,
  background?: number,
): { labels: number[]; count: number } {
  const labels: number[] = new Array(map.length).fill(-1);
  let count = 0;
  for (let start = 0; start < map.length; start++) {
    if (labels[start] >= 0 || map[start] === background) continue;
    labels[start] = count;
    const queue = [start];
    while (queue.length > 0) {
      const at = queue.pop()!;
      const [y, x] = [Math.floor(at / width), at % width];
      for (const dy of [-1, 0, 1]) {
        for (const dx of [-1, 0, 1]) {
          if (dy === 0 && dx === 0) continue;
          if (connectivity === 4 && dy !== 0 && dx !== 0) continue;
          if (y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) continue;
          const next = (y + dy) * width + x + dx;
          const [a, b] = [map[at], map[next]];
          const near = a === b || Math.abs(a - b) <= maxJump;
          if (labels[next] >= 0 || b === background || !near) continue;
          labels[next] = count;
          queue.push(next);
        }
      }
    }
    count++;
  }
  return { labels, count };
}
