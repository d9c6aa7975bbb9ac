/**
 * The page's own colours: the class colours' hues, each in a tone that reads on light and on dark.
 *
 * @module
 */

/** CSS variables by name, each as [light, dark]. The comment tells the class that lends the hue. */
const TONES: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  // Road: what this run has learnt, links, focus.
  accent: ["#7a3b7a", "#d3a0d3"],
  // Sky, vegetation, person, rider's neighbour "traffic light": further curves.
  sky: ["#2f6f9f", "#86b9e0"],
  vegetation: ["#567316", "#aecb66"],
  person: ["#b3122f", "#f28a9b"],
  light: ["#96600a", "#f0b95c"],
  // Road again, in a tone on which the text of the page reads: full cells of the confusion matrix.
  heat: ["#b98ab9", "#874a87"],
  // Pole and wall: what a run is compared with.
  pole: ["#8d8992", "#857f8e"],
  ink: ["#25212b", "#ebe7ef"],
  muted: ["#635c6b", "#aaa2b4"],
  rule: ["#e3dde6", "#39333f"],
  paper: ["#faf8f6", "#16141a"],
  card: ["#ffffff", "#1f1c24"],
};

/** A colour of the page for use in CSS and SVG, such as `colour("accent")`. */
export function colour(name: keyof typeof TONES): string {
  return `var(--${name})`;
}

/** The declarations of all variables; `color-scheme` decides which half of each counts. */
export function themeVariables(): string {
  return Object.entries(TONES)
    .map(([name, [light, dark]]) => `--${name}: light-dark(${light}, ${dark});`).join(" ");
}
