import { describe, expect, test } from 'vitest'
import { nameModel } from '../../../workers/teachers/model-name.ts'

describe('a model from a file', () => {
  test.each([
    'Smollm2 135M 8k Lc100K Mix1 Ep2',
    'checkpoint-1200',
    'my_run lr1e-4 seed42',
    'Model',
    'hf_model',
    'merged output',
    '/data/out/llama',
    '3f2a9c41d7',
    '',
    '2026-11-30',
  ])('is shown under its file’s name if its own is “%s”', (own) => {
    expect(nameModel(own, 'SmolLM2-135M-Instruct.Q4_1.gguf')).toBe('SmolLM2-135M-Instruct.Q4_1')
  })
  test.each([
    'Llama 3.2 1B Instruct',
    'Qwen3 0.6B',
    'Corner shop',
    'Phi 3 mini 4k',
    'Mixtral 8x7B',
    'Epic 7B',
  ])('is shown under its own name “%s”', (own) => {
    expect(nameModel(own, 'x.gguf')).toBe(own)
  })
  test('keeps its own name if the file’s is no better', () => {
    expect(nameModel('Smollm2 Mix1 Ep2', 'model.gguf')).toBe('Smollm2 Mix1 Ep2')
    expect(nameModel(undefined, 'model.GGUF')).toBe('model')
  })
})
