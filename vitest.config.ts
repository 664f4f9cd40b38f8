// Knows: the three kinds of test and where each runs.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** In Node the runtime is onnxruntime-web's own Node build (one thread); its browser build cannot load there. */
const nodeRuntime = fileURLToPath(new URL('./node_modules/onnxruntime-web/dist/ort.node.min.mjs', import.meta.url))
const runtimeAlias = [{ find: /^onnxruntime-web\/(wasm|webgpu|jspi)$/, replacement: nodeRuntime }]

export default defineConfig({
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
        test: { name: 'state', environment: 'happy-dom', include: ['tests/state/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        // These drive a real Chromium from Node, one file after another: the browser needs both cores.
        test: {
          name: 'browser',
          environment: 'node',
          globalSetup: ['tests/browser/build.ts'],
          include: ['tests/browser/**/*.test.ts'],
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
