/**
 * The command that makes the run once more.
 *
 * @module
 */

import type { ReportData } from "../data.ts";
import { note, preformatted, type Section } from "../html.ts";

/** Always there. */
export function repeatSection({ command }: ReportData): Section {
  const html = preformatted(command, "repeat-command") + "\n" + note(
    "A seed fixes every byte on one engine; other engines agree within the tolerances of the tests.",
  );
  return { id: "repeat", title: "Repeat it", html };
}
