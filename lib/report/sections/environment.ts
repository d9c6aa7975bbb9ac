/**
 * Where the run was made.
 *
 * @module
 */

import type { ReportData } from "../data.ts";
import { type Section, table } from "../html.ts";

/** Always there. */
export function environmentSection({ environment }: ReportData): Section {
  const html = table([], environment);
  return { id: "environment", title: "Environment", html };
}
