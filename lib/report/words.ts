/**
 * Figures as the report writes them.
 *
 * @module
 */

/** A fraction 0..1 as percent with one decimal; a dash where there is none. */
export function percent(fraction: number): string {
  return Number.isNaN(fraction) ? "-" : `${(100 * fraction).toFixed(1)}%`;
}

/** Seconds as `45 s`, `6 min 5 s` or `2 h 3 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A whole number with commas between thousands, whatever the machine's language. */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}
