/** A package server as JSR is one: the published files, their bare imports written out. */
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** What the server answers instead of a file; undefined: the file. */
export type Override = (path: string) => Response | undefined;

/** A running server, and the paths that were asked of it. */
export interface PackageServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly asked: string[];
  override: Override;
}

/** Serves what deno.json publishes, and nothing else. */
export async function servePackage(): Promise<PackageServer> {
  const { imports, publish } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const included = (path: string) =>
    publish.include.some((name: string) =>
      name.endsWith("/") ? path.startsWith(name) : path === name
    );
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    asked.push(path);
    const other = state.override(path);
    if (other) return other;
    const bytes = included(path)
      ? await Deno.readFile(join(ROOT, path)).catch(() => undefined)
      : undefined;
    if (!bytes) return new Response("not found", { status: 404 });
    if (path.endsWith(".ts")) {
      const text = writeOut(new TextDecoder().decode(bytes), imports);
      return new Response(text, { headers: { "content-type": "text/typescript" } });
    }
    const type = path.endsWith(".json") ? "application/json" : "application/octet-stream";
    return new Response(bytes, { headers: { "content-type": type } });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  const state: PackageServer = {
    url: `http://${host}/`,
    host,
    asked,
    override: () => undefined,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return state;
}

/** Bare names as deno.json maps them, which is what publishing does to them. */
function writeOut(source: string, imports: Record<string, string>): string {
  return source.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g,
    (whole, before, name) => imports[name] ? `${before}"${imports[name]}"` : whole,
  );
}
