// Knows: the sentence about an engine that is not stored and cannot be fetched.
import { expect, test } from 'vitest'
import { engineErrorOf } from '../../src/engine/errors.ts'
import { nameMissingEngine } from '../../workers/missing-engine.ts'

const WORDS = [
  'no available backend found. ERR: [wasm] TypeError: Failed to fetch dynamically imported module: https://host.example/assets/ort.mjs',
  'error loading dynamically imported module: https://host.example/assets/ort.mjs',
  'Importing a module script failed.',
  'Aborted(both async and sync fetching of the wasm failed). Build with -sASSERTIONS for more info.',
  'NetworkError when attempting to fetch resource.',
  "no available backend found. ERR: [wasm] RuntimeError: Aborted(NetworkError: Failed to execute 'send' on 'XMLHttpRequest': Failed to load 'http://localhost/assets/ort.wasm'.). Build with -sASSERTIONS for more info.",
]

test.each(WORDS)('recognises “%s” as an engine that could not be fetched', (message) => {
  expect(engineErrorOf(new Error(message), 'loading the runtime').kind).toBe('unreachable')
})

test('reports how many megabytes are still to come, if the service worker knows', async () => {
  const error = engineErrorOf(new Error(WORDS[0]), 'loading the runtime')
  const named = await nameMissingEngine(error, async () => ({ stored: 8_000_000, total: 22_500_000 }))
  expect(named.name).toBe('EngineMissing')
  expect(named.message).toContain('14.5 of the page’s 22.5 MB are still to come')
  const unknown = await nameMissingEngine(error, async () => Promise.reject(new Error('no service worker')))
  expect(unknown.message).toContain('could not be fetched from this page’s host')
  expect(unknown.message).not.toMatch(/dynamically|https:/)
})
