// Which models are among files, by their names alone; and which names are not models.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  FOLDER_LIMITS,
  isUsablePath,
  keepUsable,
  listVariants,
} from '../../../src/pipeline/models/variants.ts'
import { safeFileName } from '../../../src/storage/folders.ts'

const of = (...paths: string[]) => listVariants(paths.map((path) => ({ path, bytes: 10 })))

describe('listVariants', () => {
  test('lists safetensors in one file or in parts as one model with its configuration', () => {
    expect(
      of(
        'README.md',
        'config.json',
        'tokenizer.json',
        'model.safetensors',
        'pytorch_model.bin',
        'tf_model.h5',
      ),
    ).toEqual([
      {
        id: 'model.safetensors',
        form: 'safetensors',
        bytes: 30,
        files: ['model.safetensors', 'config.json', 'tokenizer.json'],
      },
    ])
    expect(
      of(
        'config.json',
        'model.safetensors.index.json',
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
      )[0]?.files,
    ).toHaveLength(4)
    expect(of('config.json', 'model-00001-of-00002.safetensors')).toEqual([])
    expect(of('config.json', 'adapter_model.safetensors')).toEqual([])
  })

  test('lists each GGUF file or set of parts as a model, without vision projectors', () => {
    expect(of('a.Q4_0.gguf', 'a.Q8_0.gguf', 'mmproj-a.gguf', 'a.imatrix.gguf').map(({ id }) => id)).toEqual([
      'a.Q4_0.gguf',
      'a.Q8_0.gguf',
    ])
    expect(of('q/b-00002-of-00002.gguf', 'q/b-00001-of-00002.gguf')).toEqual([
      {
        id: 'q/b.gguf',
        form: 'gguf',
        bytes: 20,
        files: ['q/b-00001-of-00002.gguf', 'q/b-00002-of-00002.gguf'],
      },
    ])
    expect(of('b-00001-of-00003.gguf', 'b-00003-of-00003.gguf')).toEqual([])
    expect(of('b-00001-of-99999.gguf')).toEqual([])
    expect(of('b.gguf', 'b-00001-of-00001.gguf').map(({ id }) => id)).toEqual([
      'b-00001-of-00001.gguf',
      'b.gguf',
    ])
  })

  test('lists each precision of an ONNX decoder with its weight files, without encoders', () => {
    const all = of(
      'config.json',
      'tokenizer.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'onnx/model.onnx_data_1',
      'onnx/model_q4.onnx',
      'onnx/model_q4f16.onnx',
      'onnx/model_quantized.onnx',
      'onnx/decoder_model_merged_q4.onnx',
      'onnx/encoder_model.onnx',
      'onnx/decoder_with_past_model.onnx',
    )
    expect(all.map(({ id }) => id)).toEqual([
      'onnx/decoder_model_merged_q4.onnx',
      'onnx/model.onnx',
      'onnx/model_q4.onnx',
      'onnx/model_q4f16.onnx',
      'onnx/model_quantized.onnx',
    ])
    expect(all[1]?.files).toEqual([
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'onnx/model.onnx_data_1',
      'config.json',
      'tokenizer.json',
    ])
  })

  test('finds a model one folder down, as in hub caches', () => {
    expect(
      of(
        'refs/main',
        'snapshots/abc/config.json',
        'snapshots/abc/model.safetensors',
        'snapshots/abc/tokenizer.json',
      )[0]?.files,
    ).toHaveLength(3)
  })
})

describe('isUsablePath', () => {
  test('rejects paths that escape, are hidden, too long or special on some file system', () => {
    for (const path of [
      '../a',
      'a/../b',
      '/a',
      'a//b',
      './a',
      '.a',
      'a/.b',
      'C:/a',
      'a\\b',
      '..%2fa',
      'a%00',
      'a\u0000',
      'a ',
      'a.',
      'a?',
      '',
      'x.part',
      'manifest.retort',
      `${'a/'.repeat(9)}b`,
      'a'.repeat(300),
    ])
      expect(isUsablePath(path), JSON.stringify(path)).toBe(false)
    for (const path of ['config.json', 'onnx/model_q4.onnx', 'Größe 1/x.gguf', 'a b.gguf'])
      expect(isUsablePath(path), path).toBe(true)
  })

  test('accepts only names that the store keeps unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 10 }), (parts) => {
        const path = parts.join('/')
        return !isUsablePath(path) || path.split('/').every((part) => safeFileName(part) === part)
      }),
      { numRuns: 2000 },
    )
  })

  test('limits a folder to two thousand files', () => {
    expect(keepUsable(Array.from({ length: 5000 }, (_, i) => ({ path: `f${i}` })))).toHaveLength(
      FOLDER_LIMITS.files,
    )
  })
})
