// Bundles each view into ../nbinspect/static, unminified so that what is shipped can be read.
import { build } from "esbuild";

await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["src/batch.js", "src/batch.css", "src/forward.js", "src/forward.css", "src/sanity.js", "src/sanity.css"],
  outdir: "../nbinspect/static",
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// Built from frontend/src; do not edit.", css: "/* Built from frontend/src; do not edit. */" },
});
