// Bundles each view into ../nbinspect/static, unminified so that what is shipped can be read.
import { readFile, writeFile } from "node:fs/promises";
import { build, transform } from "esbuild";

const root = import.meta.dirname;
const STATIC = `${root}/../nbinspect/static`;
const BANNER = "// Built from frontend/src; do not edit.";

await build({
  absWorkingDir: root,
  entryPoints: ["batch", "forward", "sanity", "dynamics", "data"].flatMap((name) => [`src/${name}.js`, `src/${name}.css`]),
  outdir: STATIC,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  external: ["uplot"],
  banner: { js: BANNER, css: "/* Built from frontend/src; do not edit. */" },
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
