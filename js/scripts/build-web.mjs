// Builds what `littoral export --to web` ships, into src/littoral/export/site or the folder that is given.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const js = join(dirname(fileURLToPath(import.meta.url)), "..");
const web = join(js, "web");
const site = process.argv[2] ?? join(js, "..", "src", "littoral", "export", "site");
const built = {
  "index.ts": "littoral-web.js",
  "detection.ts": "detection.js",
  "litert.ts": "litert.js",
  "demo.ts": "demo.js",
  "service-worker.ts": "service-worker.js",
};

mkdirSync(site, { recursive: true });
for (const [source, name] of Object.entries(built)) {
  buildSync({
    entryPoints: [join(web, source)],
    outfile: join(site, name),
    bundle: true,
    external: ["./littoral-web.js", "./detection.js", "./litert.js"],
    format: "esm",
    minify: true,
    target: "es2022",
  });
}
for (const name of ["index.html", "littoral-web.d.ts"]) copyFileSync(join(web, name), join(site, name));
