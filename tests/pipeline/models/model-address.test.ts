// What people paste as the address of a model.
import { expect, test } from 'vitest'
import { readHubLocation, readModelAddress } from '../../../src/pipeline/models/model-address.ts'

const hub = 'https://huggingface.co'

test.each([
  [`${hub}/owner/name`, { kind: 'hub', url: `${hub}/owner/name` }],
  [`  ${hub}/owner/name/  `, { kind: 'hub', url: `${hub}/owner/name/` }],
  [`${hub}/owner/name/tree/main`, { kind: 'hub', url: `${hub}/owner/name/tree/main` }],
  [
    `${hub}/owner/name/blob/main/q4/a.gguf`,
    { kind: 'hub', url: `${hub}/owner/name/blob/main/q4/a.gguf`, variant: 'q4/a.gguf' },
  ],
  [
    `${hub}/owner/name/resolve/main/a.gguf?download=true`,
    { kind: 'url', url: `${hub}/owner/name/resolve/main/a.gguf?download=true` },
  ],
  [
    `${hub}/owner/name/resolve/main/model.safetensors`,
    { kind: 'hub', url: `${hub}/owner/name/resolve/main/model.safetensors`, variant: 'model.safetensors' },
  ],
  ['http://localhost:8000/a.gguf', { kind: 'url', url: 'http://localhost:8000/a.gguf' }],
  ['https://example.org/get?file=a.gguf', { kind: 'url', url: 'https://example.org/get?file=a.gguf' }],
  ['https://example.org/', { kind: 'url', url: 'https://example.org/' }],
  ['owner/name', undefined],
  ['file:///etc/passwd', undefined],
  ['https://person:secret@example.org/owner/name', undefined],
  [`https://example.org/${'a'.repeat(3000)}`, undefined],
])('reads the address “%s”', (text, meant) => {
  expect(readModelAddress(text)).toEqual(meant)
})

test.each([
  [`${hub}/owner/name`, { base: hub, name: 'owner/name' }],
  [`${hub}/gpt2`, { base: hub, name: 'gpt2' }],
  [`${hub}/owner/name/tree/refs%2Fpr%2F1`, { base: hub, name: 'owner/name', revision: 'refs/pr/1' }],
  [
    `${hub}/owner/name/blob/v1/onnx/model.onnx`,
    { base: hub, name: 'owner/name', revision: 'v1', file: 'onnx/model.onnx' },
  ],
  [`${hub}/owner/name/discussions/3`, { base: hub, name: 'owner/name' }],
  [
    'https://mirror.example.org/models/hf/owner/name',
    { base: 'https://mirror.example.org/models/hf', name: 'owner/name' },
  ],
  [`${hub}/owner/na%20me`, undefined],
  [`${hub}/owner/%zz`, undefined],
  [`${hub}/%2e%2e/name`, { base: hub, name: 'name' }],
])('parses the page’s address “%s”', (text, place) => {
  expect(readHubLocation(text)).toEqual(place)
})
