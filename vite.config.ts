// Knows: how the page is built and served at home.
// Must not know: anything of the program itself.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { localModels } from './hosting/models-plugin.ts'
import { hostingPolicy } from './hosting/policy-plugin.ts'
import { serviceWorker } from './hosting/service-plugin.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Folders whose GGUF files the local servers offer: the project's own (ignored by git) and one shared beside it. */
export const MODEL_FOLDERS: readonly string[] = [here('./models'), here('../shared/models')]

export default defineConfig({
  // Relative addresses: the built folder works under any path of any static host.
  base: './',
  plugins: [svelte({ configFile: false }), hostingPolicy(), localModels(MODEL_FOLDERS), serviceWorker(here('./workers/service.ts'))],
  // The runtime's glue and wasm stay files of their own: its bundled variants would start threads from our chunks.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: { target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 900 },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { host: 'localhost' },
  preview: { host: 'localhost', port: 4173 },
})
