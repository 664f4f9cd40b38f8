// Knows: the sentences of SST-2 next to the project (Socher et al. 2013), split with a fixed seed. They are read for benchmarks only and
// never become part of the project.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatasetRow } from '../../src/domain/dataset.ts'
import { contentId } from '../../src/domain/id.ts'
import { makeRng, shuffle } from '../../src/domain/rng.ts'
import { SHARED } from '../browser/launch.ts'

export interface Labelled {
  readonly text: string
  /** An index into LABELS. */
  readonly label: number
}
export const LABELS = ['negative', 'positive'] as const

/** Test sentences, and dev sentences that settings are chosen on; the rest is for training. */
const TEST_SENTENCES = 1000
const DEV_SENTENCES = 500

export interface Sentences {
  readonly train: readonly Labelled[]
  readonly dev: readonly Labelled[]
  readonly test: readonly Labelled[]
}

const FILE = join(SHARED, 'data/sst2-train.tsv')
export const whyMissing = existsSync(FILE) ? undefined : 'there is no ../shared/data/sst2-train.tsv'

/** Each sentence once, so that none is in both training and test. */
export function readSentences(): Sentences {
  const found = new Map<string, Labelled>()
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    const [text = '', label] = line.trim().split('\t')
    if (text !== '' && (label === '0' || label === '1') && !found.has(text))
      found.set(text, { text, label: Number(label) })
  }
  const all = shuffle([...found.values()], makeRng('bench/classes'))
  return {
    test: all.slice(0, TEST_SENTENCES),
    dev: all.slice(TEST_SENTENCES, TEST_SENTENCES + DEV_SENTENCES),
    train: all.slice(TEST_SENTENCES + DEV_SENTENCES),
  }
}

/** Rows of a dataset: sentences as prompts and their labels as completions; `heldOut` is evaluated during training. */
export function toRows(train: readonly Labelled[], heldOut: readonly Labelled[]): DatasetRow[] {
  const toRow =
    (split: DatasetRow['split']) =>
    ({ text, label }: Labelled): DatasetRow => ({
      rowId: contentId('row', text),
      seedId: contentId('seed', text),
      split,
      system: '',
      prompt: text,
      completion: LABELS[label] ?? '',
      editedByHand: false,
    })
  return [...train.map(toRow('train')), ...heldOut.map(toRow('held-out'))]
}

/** The prompt for a language model. */
export const labelPrompt = (text: string): string =>
  `Is the sentiment of this sentence from a film review positive or negative? Answer with one word.\n\n${text}`

/** Accuracy in per cent. */
export const accuracy = (test: readonly Labelled[], predictions: readonly (number | undefined)[]): number =>
  (100 * test.filter(({ label }, i) => predictions[i] === label).length) / test.length
