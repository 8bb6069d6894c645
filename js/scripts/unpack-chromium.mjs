// Unpacks the Chromium that the tests drive: the only one here with a WebNN backend..
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";

const modules = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules");
const packed = join(modules, "@sparticuz", "chromium", "bin");
const target = join(modules, ".chromium");

if (!existsSync(join(target, "chromium"))) {
  const half = `${target}.${process.pid}`;
  mkdirSync(half, { recursive: true });
  const unpacked = (name) => brotliDecompressSync(readFileSync(join(packed, name)));
  execFileSync("tar", ["-x", "-C", half], { input: unpacked("swiftshader.tar.br") });
  writeFileSync(join(half, "chromium"), unpacked("chromium.br"));
  chmodSync(join(half, "chromium"), 0o755);
  rmSync(target, { recursive: true, force: true });
  renameSync(half, target);
}
