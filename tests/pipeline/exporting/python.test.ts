// The exported messages opened by `datasets` and rendered by `transformers`, as people do before they train.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DatasetRow } from '../../../src/domain/dataset.ts'
import { trainStudentTokenizer } from '../../../src/engine/tokenizers/templates/student-template.ts'
import { exportRows } from '../../../src/pipeline/exporting/index.ts'
import { teacher } from '../samples.ts'

const python = process.env['RETORT_PYTHON'] ?? 'python3'
const isThere = ((): boolean => {
  try {
    execFileSync(python, ['-c', 'import datasets, transformers'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
if (!isThere)
  console.warn(`Skipped: ${python} has no datasets and transformers. Name another Python in RETORT_PYTHON.`)

const row = (more: Partial<DatasetRow>): DatasetRow =>
  ({
    rowId: 'r',
    seedId: 's',
    split: 'train',
    system: '',
    prompt: 'Why?',
    completion: 'Because.',
    editedByHand: false,
    ...more,
  }) as DatasetRow
const rows = [
  row({}),
  row({
    earlier: [
      { role: 'system', content: 'You are a baker.' },
      { role: 'user', content: 'Hi?' },
      { role: 'assistant', content: 'Hello.' },
    ],
    fields: { topic: 'bread', level: 2 },
    scores: [{ rubric: 'own', judge: 'Tiny', score: 4 }],
    rejected: { completion: 'No.' },
  }),
  row({ system: 'Be brief.', fields: { level: 3.5 }, writtenBy: 'Large' }),
]
const SCRIPT = `
import json, sys
from datasets import load_dataset
from transformers import PreTrainedTokenizerFast
folder = sys.argv[1]
config = json.load(open(folder + '/tokenizer_config.json'))
tokenizer = PreTrainedTokenizerFast(tokenizer_file=folder + '/tokenizer.json', chat_template=config['chat_template'])
open_file = lambda name: load_dataset('json', data_files=folder + '/' + name + '.jsonl', split='train', cache_dir=folder + '/cache')
messages, plain, alpaca, pairs = [open_file(name) for name in ('messages', 'prompt-completion', 'alpaca', 'preference')]
print(json.dumps({
  'texts': [tokenizer.apply_chat_template(m, tokenize=False) for m in messages['messages']],
  'fields': list(messages['fields']),
  'written': list(messages['written_by']),
  'scores': list(messages['scores']),
  'earlier': list(plain['earlier']),
  'history': list(alpaca['history']),
  'prompt': tokenizer.apply_chat_template(pairs['prompt'][0], tokenize=False, add_generation_prompt=True),
}))
`

test.skipIf(!isThere)(
  'load with datasets and render with a chat template like here',
  { timeout: 180_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'retort-export-'))
    try {
      const made = trainStudentTokenizer(['You are a baker.', 'Hello. Because.'], 300)
      writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(made.tokenizerJson))
      writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(made.tokenizerConfig))
      for (const format of ['messages', 'prompt-completion', 'alpaca', 'preference'])
        writeFileSync(
          join(folder, `${format}.jsonl`),
          [...exportRows(rows, format, { teacher }).pieces].join(''),
        )
      const read = JSON.parse(
        execFileSync(python, ['-c', SCRIPT, folder], {
          encoding: 'utf8',
          env: { ...process.env, HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1' },
        }),
      ) as Record<string, unknown>
      const talk = [...(rows[1]!.earlier ?? []), { role: 'user', content: 'Why?' }]
      const answer = { role: 'assistant', content: 'Because.' }
      const render = (messages: readonly { role: string; content: string }[], isPrompt = false): string =>
        made.tokenizer.renderChat(messages, { addGenerationPrompt: isPrompt })
      const question = { role: 'user', content: 'Why?' }
      expect(read['texts']).toEqual([
        render([question, answer]),
        render([...talk, answer]),
        render([{ role: 'system', content: 'Be brief.' }, question, answer]),
      ])
      expect(read['prompt']).toBe(render(talk, true))
      expect(read['fields']).toEqual([
        { topic: null, level: null },
        { topic: 'bread', level: 2 },
        { topic: null, level: 3.5 },
      ])
      expect(read['written']).toEqual(['Tiny', 'Tiny', 'Large'])
      expect(read['scores']).toEqual([[], [{ rubric: 'own', judge: 'Tiny', score: 4 }], []])
      expect(read['earlier']).toEqual([[], rows[1]!.earlier?.slice(1), []])
      expect(read['history']).toEqual([[], [['Hi?', 'Hello.']], []])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
