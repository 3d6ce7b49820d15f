// Bundles each view into ../nbinspect/static, or a folder that is given, unminified so that what is shipped can be read.
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { build, transform } from "esbuild";

const root = import.meta.dirname;
const STATIC = resolve(process.argv[2] ?? `${root}/../nbinspect/static`);
const BANNER = "// Built from frontend/src; do not edit.";

const made = await build({
  absWorkingDir: root,
  entryPoints: ["batch", "forward", "sanity", "dynamics", "data", "dashboard"].flatMap((name) => [`src/${name}.js`, `src/${name}.css`]),
  outdir: STATIC,
  write: false,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  external: ["uplot"],
  banner: { js: BANNER, css: "/* Built from frontend/src; do not edit. */" },
});
// Smaller by a tenth: tabs, and without marks for bundlers, for nothing bundles it again.
const tabs = (/** @type {string} */ spaces) => "\t".repeat(spaces.length / 2);
for (const { path, text } of made.outputFiles) await writeFile(path, text.replaceAll("/* @__PURE__ */ ", "").replace(/^(?: {2})+/gm, tabs));

// Exported pages have this one as a plain script, for an inline module is no more than that either.
await build({
  absWorkingDir: root,
  stdin: { contents: 'import { hovering } from "./src/hover.js";\nhovering(document.body);', resolveDir: root },
  outfile: `${STATIC}/hover.js`,
  bundle: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  banner: { js: BANNER },
});

// uPlot alone is put in minified, after its licence: as it stands it is 145 kB.
const IMPORT = /^import (\w+) from "uplot";\n/gm;
const bundle = await readFile(`${STATIC}/dynamics.js`, "utf8");
const library = await readFile(`${root}/node_modules/uplot/dist/uPlot.iife.js`, "utf8");
const { code } = await transform(library, { minify: true, target: "es2022", charset: "utf8", legalComments: "none" });
const licence = await readFile(`${root}/node_modules/uplot/LICENSE`, "utf8");
const names = [...bundle.matchAll(IMPORT)].map((found) => found[1]);
if (names.length !== 1) throw new Error(`expected one import of uplot, got ${names.length}`);
const rest = bundle.replace(IMPORT, "").replace(`${BANNER}\n`, "");
await writeFile(`${STATIC}/dynamics.js`, `${BANNER}\n\n/* uPlot\n${licence.trim()} */\nvar ${names[0]} = (() => {\n${code.trim()}\nreturn uPlot;\n})();\n${rest}`);
