import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { CompletionRequest, CompletionResult } from '../../../src/domain/completion-request.ts'
import type { Generator } from '../../../src/engine/generation/generator.ts'
import { tokenizerFromGguf, type TextTokenizer } from '../../../src/engine/tokenizers/tokenizer.ts'
import type { GgufValue } from '../../../src/engine/weights/gguf/gguf-header.ts'
import { EngineTeacher } from '../../../workers/teachers/engine-teacher.ts'
import { GREEDY } from '../../../src/domain/sampling.ts'
import { description } from '../../pipeline/samples.ts'

const { models } = JSON.parse(readFileSync(new URL('../../oracles/spm.json', import.meta.url), 'utf8')) as {
  models: Readonly<Record<string, { tokens: string[]; scores: number[]; types: number[] }>>
}

function openTokenizer(tail: string, control: readonly string[] = []): TextTokenizer {
  const { tokens = [], scores = [], types = [] } = models['gemma'] ?? {}
  const names = tokens.map((token) =>
    token === '<b>' ? (control[0] ?? token) : token === '</s>x' ? (control[1] ?? token) : token,
  )
  const made = tokenizerFromGguf(
    new Map<string, GgufValue>([
      ['tokenizer.ggml.model', 'llama'],
      ['tokenizer.ggml.tokens', names],
      ['tokenizer.ggml.scores', scores],
      ['tokenizer.ggml.token_type', types.map((type, id) => (control.includes(names[id] ?? '') ? 3 : type))],
      ['tokenizer.ggml.add_space_prefix', false],
      ['tokenizer.chat_template', `{% for m in messages %}{{ m.content }}:{% endfor %}{{ '${tail}' }}`],
    ]),
  )
  if (!made.ok) throw new Error(made.sentence)
  return made.tokenizer
}

/** What a teacher reports for a model that writes these tokens. */
async function complete(
  tokenizer: TextTokenizer,
  written: string,
  kind: 'chat' | 'raw' = 'chat',
): Promise<{ result: CompletionResult | undefined; partials: string[]; prompt: string }> {
  const tokens = tokenizer.encode(written)
  const text = new TextDecoder().decode(
    Uint8Array.from(tokens.flatMap((id) => [...tokenizer.tokenBytes(id)])),
  )
  let prompt = ''
  const generator = {
    generate: async (
      requests: readonly { id: string; tokens: readonly number[] }[],
      hooks: { onResult: (result: object) => void; onPartial?: (id: string, text: string) => void },
    ) => {
      for (const { id, tokens: before } of requests) {
        prompt = tokenizer.decode(before)
        for (let end = 1; end <= text.length; end++) hooks.onPartial?.(id, text.slice(0, end))
        hooks.onResult({ id, text, tokens, finishReason: 'end', promptTokens: before.length })
      }
      return { promptTokens: 0, sharedTokens: 0, newTokens: 0, ms: 0 }
    },
  } as unknown as Generator // all that completing uses
  const teacher = new EngineTeacher(description() as EngineTeacher['description'], tokenizer, generator)
  const results: CompletionResult[] = []
  const partials: string[] = []
  const request: CompletionRequest = {
    id: 'a',
    input: kind === 'chat' ? { kind, messages: [{ role: 'user', content: 'Hi' }] } : { kind, text: 'Hi' },
    sampling: { ...GREEDY, maxTokens: 99, stop: [], rngSeed: '1' },
  }
  await teacher.complete([request], {
    signal: new AbortController().signal,
    onResult: (result) => results.push(result),
    onProgress: () => {},
    onPartial: (_, partial) => partials.push(partial),
  })
  return { result: results[0], partials, prompt }
}

test('drops reasoning that is empty', async () => {
  const { result } = await complete(openTokenizer(''), '<think>\n\n</think>\n\nYes.')
  expect(result?.text).toBe('Yes.')
  expect(result?.reasoning).toBeUndefined()
})

test('separates reasoning from the response, and shows none of it meanwhile', async () => {
  const { result, partials } = await complete(openTokenizer(''), '<think>\nhm\n</think>\n\nYes.')
  expect(result).toMatchObject({ text: 'Yes.', reasoning: 'hm' })
  expect(new Set(partials)).toEqual(new Set(['', 'Y', 'Ye', 'Yes', 'Yes.']))
})

test('knows from the prompt that a completion begins inside reasoning, and reports reasoning that never ended', async () => {
  const tokenizer = openTokenizer(String.raw`<think>\n`)
  const { result, prompt } = await complete(tokenizer, 'hm</think>Yes.')
  expect(prompt.endsWith('<think>\n')).toBe(true)
  expect(result).toMatchObject({ text: 'Yes.', reasoning: 'hm' })
  expect((await complete(tokenizer, 'hm, is it')).result).toMatchObject({
    text: '',
    reasoning: 'hm, is it',
    unfinishedReasoning: true,
  })
})

test('finds marks that are control tokens, which are no part of a text', async () => {
  const tokenizer = openTokenizer('', ['[THINK]', '[/THINK]'])
  expect((await complete(tokenizer, '[THINK]hm[/THINK]Yes.')).result).toMatchObject({
    text: 'Yes.',
    reasoning: 'hm',
  })
})

test('leaves raw texts and responses without reasoning as they are', async () => {
  const tokenizer = openTokenizer('')
  expect((await complete(tokenizer, ' <think>a</think> b', 'raw')).result).toMatchObject({
    text: ' <think>a</think> b',
  })
  const { result } = await complete(tokenizer, ' Yes, say <think>.')
  expect(result?.text).toBe(' Yes, say <think>.')
  expect(result).not.toHaveProperty('reasoning')
})
