import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const OUT = "../api/static";

/** Leave each file packed beside itself: the api sends it to browsers as it is (api/packed_files.py). */
const packed = (): Plugin => ({
  name: "packed",
  closeBundle() {
    for (const name of readdirSync(OUT).filter((file) => !file.endsWith(".gz"))) writeFileSync(`${OUT}/${name}.gz`, gzipSync(readFileSync(`${OUT}/${name}`), { level: 9 }));
  },
});

// Names without hashes: the api has browsers ask for each file anew and answers 304 while it is the same.
export default defineConfig({
  base: "/static/",
  plugins: [packed()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: { page: "index.html" },
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
});
