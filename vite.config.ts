// Knows: how the page is built and served at home, and the three kinds of test and where each runs.
// Must not know: anything of the program itself.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { compiledKernels } from './workers/hosting/kernels-plugin.ts'
import { localModels } from './workers/hosting/models-plugin.ts'
import { hostingPolicy } from './workers/hosting/policy-plugin.ts'
import { serviceWorker } from './workers/hosting/service-plugin.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Folders whose GGUF files the local servers offer: the project's own (ignored by git) and one shared next to it. */
export const MODEL_FOLDERS: readonly string[] = [here('./models'), here('../shared/models')]

/** In Node the runtime is onnxruntime-web's own Node build (one thread); its browser build cannot load there. */
const runtimeAlias = [
  {
    find: /^onnxruntime-web\/(wasm|webgpu|jspi)$/,
    replacement: here('./node_modules/onnxruntime-web/dist/ort.node.min.mjs'),
  },
]

/** Browser tests that take a minute or more and guard what rarely changes: `npm run test:long` runs them too. */
const LONG_TESTS = [
  'tests/browser/classes.test.ts',
  'tests/browser/device-loss.test.ts',
  'tests/browser/firefox.test.ts',
  'tests/browser/judge.test.ts',
  'tests/browser/large-model.test.ts',
  'tests/browser/lora.test.ts',
  'tests/browser/no-file-system.test.ts',
  'tests/browser/notices.test.ts',
  'tests/browser/on-policy.test.ts',
  'tests/browser/pairs.test.ts',
  'tests/browser/scale.test.ts',
  'tests/browser/teachers.test.ts',
  'tests/browser/turns.test.ts',
]

export default defineConfig({
  // Relative addresses: the built folder works under any path of any static host.
  base: './',
  plugins: [
    compiledKernels(),
    svelte({ configFile: false }),
    hostingPolicy(),
    localModels(MODEL_FOLDERS),
    serviceWorker(here('./workers/service.ts')),
  ],
  // The runtime's glue and wasm stay files of their own: its bundled variants would start threads from our chunks.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { host: 'localhost' },
  preview: { host: 'localhost', port: 4173 },
  test: {
    // Two cores are what a small machine has: more workers than that only take memory from each other.
    maxWorkers: 2,
    projects: [
      {
        plugins: [svelte({ configFile: false })],
        resolve: { alias: runtimeAlias },
        test: {
          name: 'node',
          environment: 'node',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/state/**', 'tests/browser/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Without the `browser` condition runes compile for the server, effects never run and tests prove nothing.
        plugins: [svelte({ configFile: false })],
        resolve: { conditions: ['browser', 'module', 'development|production'], alias: runtimeAlias },
        test: {
          name: 'state',
          environment: 'happy-dom',
          include: ['tests/state/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        // These drive a real Chromium from Node, one file after another: the browser needs both cores.
        test: {
          name: 'browser',
          environment: 'node',
          globalSetup: ['tests/browser/build.ts'],
          include: ['tests/browser/**/*.test.ts'],
          exclude: process.env['RETORT_LONG'] === undefined ? LONG_TESTS : [],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
