/**
 * Every setting of the run, one fold a stage.
 *
 * @module
 */

import { escape } from "@std/html";
import type { ReportData } from "../data.ts";
import { note, type Section, table } from "../html.ts";

/** Always there. */
export function settingsSection({ settings }: ReportData): Section {
  const entries = Object.entries(settings);
  const plain = entries.filter(([, value]) => !isGroup(value));
  const groups = entries.filter(([, value]) => isGroup(value));
  const html = note("As config.json has them: the preset with what the command line changed.") +
    table([], plain.flatMap(([name, value]) => flatten(name, value))) +
    groups.map(([name, value]) =>
      `<details><summary>${escape(name)}</summary>${table([], flatten("", value))}</details>`
    ).join("\n");
  return { id: "settings", title: "Settings", html };
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Rows of dotted names and values. */
function flatten(name: string, value: unknown): string[][] {
  if (!isGroup(value)) return [[name, text(value)]];
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(name ? `${name}.${key}` : key, inner)
  );
}

function text(value: unknown): string {
  if (Array.isArray(value)) {
    return value.map((item) => isGroup(item) ? JSON.stringify(item) : text(item)).join(", ") ||
      "none";
  }
  return String(value);
}
