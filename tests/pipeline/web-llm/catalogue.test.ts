// WebLLM's catalogue: the data equals the package's own list, names are parsed right, and refusals name what would work.
import { prebuiltAppConfig, type ModelRecord } from '@mlc-ai/web-llm'
import { describe, expect, test } from 'vitest'
import {
  baseName,
  findF32Sibling,
  findWebLlmModel,
  readParameters,
  readQuantisation,
  refuseMachine,
  refuseModel,
  searchModels,
  WEB_LLM_MODELS,
  type CatalogueEntry,
} from '../../../src/pipeline/web-llm/catalogue.ts'

const HUB = 'https://huggingface.co/mlc-ai/'
const EMBEDS = 1 // the package's enum `ModelType.embedding`, which it exports as a type of numbers
const records = prebuiltAppConfig.model_list.filter((record) => record.model_type !== EMBEDS)
const libraries = records[0]?.model_lib.replace(/[^/]*$/, '') ?? ''
const needsF16 = ({ required_features = [], model_id }: ModelRecord): boolean =>
  required_features.includes('shader-f16') || /-q\d+f16/.test(model_id)

function entryOf(record: ModelRecord): CatalogueEntry {
  const folder = record.model.slice(HUB.length)
  return {
    id: record.model_id,
    ...(folder === record.model_id ? {} : { folder }),
    library: record.model_lib.slice(libraries.length),
    memoryMB: record.vram_required_MB ?? 0,
    context: record.overrides?.context_window_size ?? 0,
    ...(needsF16(record) ? { f16: true } : {}),
    ...(record.low_resource_required === true ? { small: true } : {}),
  }
}

describe('the catalogue', () => {
  test('equals the package’s own list without embedding models (`vitest -u` updates it)', async () => {
    const lines = records.map((record) => `    ${JSON.stringify(entryOf(record))}`)
    await expect(
      `{\n  "hub": ${JSON.stringify(HUB)},\n  "libraries": ${JSON.stringify(libraries)},\n  "models": [\n${lines.join(',\n')}\n  ]\n}\n`,
    ).toMatchFileSnapshot('../../../src/pipeline/web-llm/models.json')
  })

  test('has the package’s addresses, memory and context lengths', () => {
    expect(WEB_LLM_MODELS.length).toBe(records.length)
    for (const { model_id, model, model_lib, vram_required_MB = 0, overrides } of records) {
      expect(findWebLlmModel(model_id)).toMatchObject({
        id: model_id,
        address: model,
        library: model_lib,
        contextLength: overrides?.context_window_size,
      })
      expect(
        Math.abs((findWebLlmModel(model_id)?.memoryBytes ?? 0) / 2 ** 20 - vram_required_MB),
      ).toBeLessThanOrEqual(0.01)
    }
  })

  test('knows every model’s quantisation', () => {
    for (const { id, quantisation, contextLength } of WEB_LLM_MODELS) {
      expect(['q0f32', 'q0f16', 'q4f32_1', 'q4f16_1', 'q3f16_1'], id).toContain(quantisation)
      expect(contextLength, id).toBeGreaterThanOrEqual(1024)
    }
  })
})

describe('a name', () => {
  test.each([
    ['SmolLM2-135M-Instruct-q0f32-MLC', 135e6, 'q0f32', 'SmolLM2-135M-Instruct'],
    ['Llama-3.2-1B-Instruct-q4f16_1-MLC', 1e9, 'q4f16_1', 'Llama-3.2-1B-Instruct'],
    ['stablelm-2-zephyr-1_6b-q4f32_1-MLC-1k', 1.6e9, 'q4f32_1', 'stablelm-2-zephyr-1_6b'],
    ['Qwen2.5-0.5B-Instruct-q4f16_1-MLC', 0.5e9, 'q4f16_1', 'Qwen2.5-0.5B-Instruct'],
    ['OLMo-2-1124-7B-Instruct-q4f16_1-MLC', 7e9, 'q4f16_1', 'OLMo-2-1124-7B-Instruct'],
    ['gemma-4-E2B-it-q4f16_1-MLC', undefined, 'q4f16_1', 'gemma-4-E2B-it'],
    ['phi-2-q4f16_1-MLC', undefined, 'q4f16_1', 'phi-2'],
  ])('parses parameters, quantisation and base model from %s', (id, parameters, quantisation, base) => {
    expect([readParameters(id), readQuantisation(id), baseName(id)]).toEqual([parameters, quantisation, base])
  })

  test('estimates the download size: 135 million floats are 540 MB', () => {
    expect(findWebLlmModel('SmolLM2-135M-Instruct-q0f32-MLC')?.downloadBytes).toBe(540e6)
  })
})

describe('a machine', () => {
  const find = (id: string) => findWebLlmModel(id) ?? expect.fail(id)

  test('gets the reason and an alternative without WebGPU', () => {
    expect(refuseMachine({ available: true, shaderF16: false })).toBeUndefined()
    expect(refuseMachine({ available: false, shaderF16: false, reason: 'No adapter was found.' })).toMatch(
      /No adapter was found\. A GGUF file works without one/,
    )
  })

  test('gets the 32-bit sibling without 16-bit floats', () => {
    expect(refuseModel(find('Llama-3.2-1B-Instruct-q4f16_1-MLC'), { shaderF16: false })).toMatch(
      /Llama-3\.2-1B-Instruct-q4f32_1-MLC is the same model and works here\.$/,
    )
    expect(refuseModel(find('gemma3-1b-it-q4f16_1-MLC'), { shaderF16: false })).toMatch(
      /Choose one with f32 in its name\.$/,
    )
    expect(refuseModel(find('Llama-3.2-1B-Instruct-q4f16_1-MLC'), { shaderF16: true })).toBeUndefined()
    expect(refuseModel(find('SmolLM2-135M-Instruct-q0f32-MLC'), { shaderF16: false })).toBeUndefined()
  })

  test('never suggests a sibling with 16-bit floats', () => {
    for (const model of WEB_LLM_MODELS) expect(findF32Sibling(model)?.needsF16 ?? false).toBe(false)
  })
})

test('searches words in any order and orders models by memory', () => {
  const found = searchModels('instruct QWEN2.5 0.5b')
  expect(found.map(({ id }) => id)).toContain('Qwen2.5-0.5B-Instruct-q4f16_1-MLC')
  expect(found.every(({ id }) => /qwen2\.5.*0\.5b.*instruct/i.test(id))).toBe(true)
  expect(found.map(({ memoryBytes }) => memoryBytes)).toEqual(
    found.map(({ memoryBytes }) => memoryBytes).toSorted((a, b) => a - b),
  )
  expect(searchModels('no such model')).toEqual([])
})
