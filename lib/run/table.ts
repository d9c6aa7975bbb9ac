/**
 * Plain text tables for the terminal.
 *
 * @module
 */

/** Rows under a head, columns as wide as their widest cell; cells that are numbers flush right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column].length))
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => {
      const space = " ".repeat(widths[column] - cell.length);
      return isNumber(cell) ? space + cell : cell + space;
    }).join("  ").trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)]
    .join("\n");
}

function isNumber(text: string): boolean {
  return /^[-+]?[\d.]+%?$/.test(text);
}
